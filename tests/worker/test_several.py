"""One run in several processes on a CPU: the same training as in one, put back and ended as one."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.contract import TIMING_METRICS
from backend.spec import Spec
from tests.worker.tiny import tiny_dataset, tiny_spec, trained
from worker.engine.data import Dataset, dataset_folder
from worker.rank_job import Job

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 400.0

RELATIVE = 1e-5
"""By which losses may differ from those of one process: the order in which 32-bit floats are added up is another."""


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def dataset(data_folder: Path) -> Dataset:
    return tiny_dataset(data_folder)


@pytest.fixture(scope="module")
def images(data_folder: Path, dataset: Dataset) -> Path:
    return dataset_folder(data_folder, dataset.name, dataset.hash)


SOFTMAX = tiny_spec(
    devices=2, epochs=4, batch_size=33, step_series=True, gradient_clip=0.5, dataset={"validation": 0.1}
)
"""145 training images, 15 to validate on: the last batch has 13, and no share is as large as another."""
NORMED = tiny_spec(
    devices=2,
    model={"arch": "mobilenet_v3_small"},
    optimizer={"momentum": 0.9},
    batch_size=40,
    epochs=3,
    dataset={"augment": "flip"},
    ema=0.9,
)
"""Batch norm and dropout, and all else that a resumed training must bring back in each process."""


def job(spec: Spec, images: Path, folder: Path, **changes: Any) -> dict[str, Any]:
    made = Job(
        spec=spec.model_dump(mode="json"),
        dataset=images,
        runs=folder,
        attempt=1,
        resume=None,
        weights=None,
        features=folder / "features",
        device="cpu",
        checkpoint_seconds=0.0,
        within_epoch_seconds=0.0,
        features_bytes=2**30,
        threads=2,
    )
    return replace(made, **changes).to_json()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[dict[str, Any]]]:
    """Return a function that trains cases one after the other, in a process that forks those that train."""
    folder = tmp_path_factory.mktemp("cases")

    def results(*cases: dict[str, Any]) -> list[dict[str, Any]]:
        files = folder / "cases.json", folder / "results.json"
        files[0].write_text(json.dumps(cases))
        command = [sys.executable, "-m", "tests.worker.several", *map(str, files)]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(files[1].read_text())

    return results


@pytest.fixture(scope="module")
def whole(
    run: Callable[..., list[dict[str, Any]]], images: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Trainings by name: all that need no other's result, for one start of an interpreter."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "no-folder").write_text("")
    broken = {"epoch": 1, "name": "attempt-1-epoch-1", "sha256": "0" * 64}
    cases = {
        "softmax": {"count": 2, "job": job(SOFTMAX, images, folder / "softmax")},
        "normed": {"count": 2, "job": job(NORMED, images, folder / "normed")},
        "stopped": {
            "count": 2,
            "stop_after_checkpoints": 6,
            "job": job(NORMED, images, folder / "stopped"),
        },
        "too small": {
            "count": 3,
            "job": job(tiny_spec(devices=3, batch_size=2), images, folder / "too-small"),
        },
        "failed": {"count": 2, "job": job(SOFTMAX, images, folder / "no-folder")},
        "broken": {
            "count": 2,
            "job": {
                **job(SOFTMAX, images, folder / "broken"),
                "resume": {**broken, "step": 0, "global_step": 0},
            },
        },
    }
    results = run(*cases.values())
    return {"folder": folder, **dict(zip(cases, results, strict=True))}


def repeated(result: dict[str, Any]) -> list[dict[str, float]]:
    return [
        {name: value for name, value in one["metrics"].items() if name not in TIMING_METRICS}
        for one in result["epochs"]
    ]


def test_two_processes_give_the_curve_of_one(whole: dict[str, Any], dataset: Dataset, tmp_path: Path) -> None:
    _, one = trained(SOFTMAX, dataset, tmp_path)
    two = whole["softmax"]
    assert two["outcome"] == "completed"
    found = repeated(two)
    assert len(found) == len(one.epochs) == SOFTMAX.epochs
    for here, there in zip(one.epochs, found, strict=True):
        expected = {name: here.metrics[name] for name in there}
        assert there == pytest.approx(expected, rel=RELATIVE)
        assert {name for name in here.metrics if name not in TIMING_METRICS} == set(there)
    assert len(two["losses"]) == len(one.step_series("step_loss"))
    assert two["facts"]["devices"] == 2
    assert two["epochs"][0]["predictions"] == one.epochs[0].predictions.hex()  # pyright: ignore
    assert two["epochs"][0]["mistakes"][0], "no mistakes were told"


def test_a_network_with_batch_norm_and_dropout_trains(whole: dict[str, Any]) -> None:
    """Each process normalises by its own share: the numbers are those of another draw, not the same ones."""
    found = repeated(whole["normed"])
    assert len(found) == NORMED.epochs
    assert all(math.isfinite(value) for one in found for value in one.values())
    assert found[-1]["train_loss"] < found[0]["train_loss"]


def test_resumed_within_an_epoch_it_ends_bit_for_bit_as_if_uninterrupted(
    whole: dict[str, Any], run: Callable[..., list[dict[str, Any]]], images: Path
) -> None:
    stopped = whole["stopped"]
    pointer = stopped["checkpoints"][-1]
    assert stopped["outcome"] == "stopped"
    assert (len(stopped["checkpoints"]), pointer["epoch"], pointer["step"]) == (6, 1, 2)
    folder = whole["folder"]
    again = {**job(NORMED, images, folder / "stopped"), "attempt": 2, "resume": pointer}
    control = {**job(NORMED.model_copy(update={"seed": 1}), images, folder / "control")}
    resumed, other = run({"count": 2, "job": again}, {"count": 2, "job": control})
    assert repeated(stopped) + repeated(resumed) == repeated(whole["normed"])
    assert _last_weights(folder / "stopped", resumed) == _last_weights(folder / "normed", whole["normed"])
    assert repeated(other) != repeated(whole["normed"])


@pytest.mark.full
def test_three_processes_resume_bit_for_bit_too(
    run: Callable[..., list[dict[str, Any]]], images: Path, tmp_path: Path
) -> None:
    """Other than two, they may add up gradients in different orders: what DistributedDataParallel must not change."""
    of_three = NORMED.model_copy(update={"devices": 3})
    whole, stopped = run(
        {"count": 3, "job": job(of_three, images, tmp_path / "whole")},
        {"count": 3, "stop_after_checkpoints": 6, "job": job(of_three, images, tmp_path / "stopped")},
    )
    again = {
        **job(of_three, images, tmp_path / "stopped"),
        "attempt": 2,
        "resume": stopped["checkpoints"][-1],
    }
    (resumed,) = run({"count": 3, "job": again})
    assert repeated(stopped) + repeated(resumed) == repeated(whole)
    assert _last_weights(tmp_path / "stopped", resumed) == _last_weights(tmp_path / "whole", whole)


def test_an_error_of_one_process_ends_the_others_and_is_told(whole: dict[str, Any]) -> None:
    """The one that keeps checkpoints finds a file in the place of their folder; the other waits for it."""
    assert whole["failed"]["outcome"] is None
    assert whole["failed"]["error"].startswith("RankFailed: FileExistsError: ")
    assert whole["failed"]["lines"], "it failed before it trained"


def test_what_is_refused_is_told_as_by_one_process(whole: dict[str, Any]) -> None:
    assert whole["too small"]["outcome"] is None
    assert whole["too small"]["error"].startswith("RunyardError: batch_size is 2;")
    assert "on each of 3 devices" in whole["too small"]["error"]


def test_a_broken_checkpoint_is_told_as_such(whole: dict[str, Any]) -> None:
    assert whole["broken"]["error"].startswith(
        "BrokenCheckpoint: The checkpoint attempt-1-epoch-1 is missing"
    )


def _last_weights(folder: Path, result: dict[str, Any]) -> bytes:
    return (folder / f"{result['checkpoints'][-1]['name']}.safetensors").read_bytes()
