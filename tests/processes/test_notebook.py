"""A run of the real service, and the notebook that the command saves of it: the same numbers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.outside import printed_by
from tests.processes.stack import ROOT, Stack

pytestmark = pytest.mark.processes

IMAGES = {"name": "shapes", "train_limit": 96, "test_limit": 64}
PARENT = {"dataset": IMAGES, "model": {"arch": "resnet18"}, "epochs": 1, "batch_size": 32}


def saved_notebook(stack: Stack, run_id: int, path: Path) -> str:
    """Save a run by the command; return the notebook's code."""
    done = subprocess.run(
        [sys.executable, "-m", "backend.cli", "notebook", str(run_id), "-o", str(path)],
        cwd=ROOT,
        env={**os.environ, "RUNYARD_PORT": str(stack.port), "RUNYARD_HOME": str(stack.home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return "\n".join(cell["source"] for cell in cells if cell["cell_type"] == "code")


@pytest.mark.full
def test_a_child_on_features_of_its_parent_is_repeated_from_the_saved_notebook(tmp_path: Path) -> None:
    with Stack(tmp_path / "home") as stack:
        (parent,) = stack.client.launch(spec=PARENT)["runs"]
        features = {"arch": "resnet18", "node": "layer3", "weights": {"source": "parent", "run": parent}}
        child_spec = {
            "dataset": IMAGES,
            "model": {"arch": "softmax-regression"},
            "features": features,
            "epochs": 3,
        }
        (child,) = stack.client.launch(spec=child_spec)["runs"]
        run = stack.wait_for_end(child)
        assert run["state"] == "completed", run["detail"]
        code = saved_notebook(stack, child, tmp_path / "child.ipynb")
    text = printed_by(code, tmp_path, RUNYARD_HOME=str(tmp_path / "home"))
    assert "the training was repeated, number for number" in text, text
