"""What the images hold is enough to run them: their files alone, in a folder of their own, satisfy every import."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compose import images

pytestmark = pytest.mark.thorough

IMPORT_ALL = """
import importlib, pathlib, sys
sys.modules[{absent!r}] = None
for path in sorted(pathlib.Path().rglob("*.py")):
    if "migrations" in path.parts or path.parts[0] == "docker":
        continue
    name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    importlib.import_module(name)
ours = {{name: module for name, module in sys.modules.items() if module and name.split(".")[0] in ("backend", "worker")}}
here = str(pathlib.Path().resolve())
strangers = [name for name, module in ours.items() if not module.__file__.startswith(here)]
assert not strangers, strangers
print(" ".join(ours))
print(" ".join(name for name in sys.modules if "." not in name))
"""


def imported(target: str, absent: str, tmp_path: Path) -> tuple[set[str], set[str]]:
    """Import all modules of an image; return them, and the packages that came along."""
    images()[target].fill(tmp_path)
    app = tmp_path / "app"
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL.format(absent=absent)],
        cwd=app,
        env={**os.environ, "PYTHONPATH": str(app), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ours, packages = done.stdout.splitlines()
    return set(ours.split()), set(packages.split())


def test_the_service_finds_all_it_imports_and_no_torch(tmp_path: Path) -> None:
    ours, packages = imported("api", "worker", tmp_path)
    assert {"backend.main", "backend.cli.commands", "backend.up"} <= ours
    assert packages.isdisjoint({"torch", "torchvision", "safetensors"})
    assert (tmp_path / "app" / "frontend" / "runs.html").exists()
    assert (tmp_path / "usr" / "local" / "bin" / "runyard").exists()


def test_a_worker_finds_all_it_imports_and_nothing_of_the_service(tmp_path: Path) -> None:
    ours, packages = imported("worker", "frontend", tmp_path)
    assert {"worker.__main__", "worker.health", "worker.free_gpu", "worker.data_command"} <= ours
    assert not [name for name in ours if name.startswith(("backend.api", "backend.cli", "backend.app"))]
    assert packages.isdisjoint({"fastapi", "uvicorn"})
    assert not (tmp_path / "app" / "frontend").exists()
