"""A GPU machine with its own torch trains and measures from a checkout: nothing of the service is needed there."""

import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BARE = {"numpy", "pydantic", "safetensors", "torch", "torchvision"}


def modules_of_the_service() -> list[str]:
    """Return the modules of all that `pyproject.toml` asks for and a bare machine lacks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {
        requirement.partition(">")[0].partition("[")[0].lower() for requirement in project["dependencies"]
    }
    found = {
        module
        for module, distributions in packages_distributions().items()
        if wanted.intersection(name.lower() for name in distributions)
    }
    assert {"sqlalchemy", "celery", "fastapi", "httpx", "structlog", "psutil", "pynvml"} <= found
    assert found.isdisjoint(BARE)
    return sorted(found)


def run_without_the_service(statement: str) -> subprocess.CompletedProcess[str]:
    """Run a statement where importing any of these modules raises ImportError."""
    code = f"import sys\nsys.modules.update(dict.fromkeys({modules_of_the_service()!r}))\n{statement}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)


def test_what_the_service_needs_is_really_missing_there() -> None:
    done = run_without_the_service("import backend.client")
    assert "ModuleNotFoundError" in done.stderr or "ImportError" in done.stderr


@pytest.mark.thorough
def test_the_engine_needs_nothing_of_the_service() -> None:
    done = run_without_the_service("import worker.engine.train")
    assert done.returncode == 0, done.stderr


@pytest.mark.thorough
def test_the_benchmark_of_training_runs_without_the_service() -> None:
    arguments = ["training.py", "--quick", "--device", "cpu", "--rows", "softmax"]
    done = run_without_the_service(
        f"import runpy\nsys.argv = {arguments!r}\nrunpy.run_path('benchmarks/training.py', run_name='__main__')"
    )
    assert done.returncode == 0, done.stderr
    assert "GOAL softmax-losses-differ" in done.stdout
