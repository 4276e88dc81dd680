"""Features with real workers: made once, by whichever run comes first, and found by every other."""

from pathlib import Path
from typing import Any

import pytest

from tests.processes.stack import Stack

pytestmark = pytest.mark.processes


def launched(stack: Stack, **changes: Any) -> int:
    """Queue softmax regression on features of a ResNet-18 with random weights, of 300 small images."""
    return stack.launch(
        dataset={"name": "shapes", "train_limit": 200, "test_limit": 100},
        features={"arch": "resnet18", "node": "layer3", "standardize": True},
        epochs=1,
        **changes,
    )


def story_of(stack: Stack, run_id: int) -> tuple[str, list[str]]:
    """Return where the features of a completed run came from, as told in its facts and in its log."""
    run = stack.wait_for_end(run_id)
    assert run["state"] == "completed", run["detail"]
    log = [line["text"] for line in stack.client.log(run_id)["lines"]]
    facts = run["attempts"][0]["environment"]["features"]
    return facts["origin"], [line for line in log if line.startswith("features layer3: ")]


def test_of_two_workers_one_makes_the_features_and_a_later_run_finds_them(tmp_path: Path) -> None:
    with Stack(tmp_path / "home", workers=2) as stack:
        # The same seed: without weights it decides the features.
        together = [launched(stack, optimizer={"lr": lr}) for lr in (0.01, 0.02)]
        origins = sorted(story_of(stack, run_id)[0] for run_id in together)
        assert origins == ["found", "made"]
        origin, lines = story_of(stack, launched(stack, optimizer={"lr": 0.03}))
        assert origin == "found"
        assert lines[0].startswith("features layer3: found, 200 x "), lines
        entries = [path.name for path in (tmp_path / "home" / "features").iterdir() if path.is_dir()]
        assert len(entries) == 1
