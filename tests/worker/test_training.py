"""The training of what was claimed, over a real store and real files: from broken checkpoints it goes back by itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backend.contract import TIMING_METRICS, RunState
from backend.settings import Settings
from backend.store import attempts, chunks, datasets, launches, logs, points, runs
from backend.store.attempts import Claimed
from backend.store.datasets import NewDataset
from backend.store.session import Database
from tests.store import scenes
from tests.worker.tiny import tiny_dataset, tiny_spec
from worker.recorder import DatabaseRecorder
from worker.training import Verdict, train_attempt

EPOCHS = 4

pytestmark = pytest.mark.thorough


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"checkpoint_seconds": 0.0, "cpu_threads": 1})


@pytest.fixture(autouse=True)
def tiny(settings: Settings, sqlite_database: Database) -> None:
    """A data set named tiny, where a worker of this machine finds it."""
    made = tiny_dataset(settings.data_folder)
    found = NewDataset("tiny", made.hash, list(made.classes), 160, 40, 12, 3)
    with sqlite_database.write() as session:
        datasets.register(session, found)


def launch(database: Database, **changes: Any) -> int:
    spec = tiny_spec(**{"epochs": EPOCHS, "step_series": True, **changes})
    with database.write() as session:
        return launches.accept(session, [launches.NewRun(spec, "tiny")], body_sha256="0" * 64).run_ids[0]


class StoppedAt(DatabaseRecorder):
    """Asks the training to stop once so many epochs are committed, as a drain does."""

    last_epoch = EPOCHS + 1

    def epoch(self, epoch: int, *rest: Any) -> None:
        super().epoch(epoch, *rest)
        self.drain_requested = epoch >= self.last_epoch


def train(database: Database, settings: Settings, last_epoch: int = EPOCHS + 1) -> tuple[Claimed, Verdict]:
    claimed = scenes.claim(database)
    recorder = StoppedAt(database, claimed, EPOCHS, 60)
    recorder.last_epoch = last_epoch
    recorder.start()
    verdict = train_attempt(claimed, settings, database, recorder, "cpu")
    recorder.close()
    with database.write() as session:
        run = (claimed.run_id, claimed.attempt, claimed.owner)
        if verdict.outcome == "completed":
            attempts.finish(session, *run, RunState.COMPLETED)
        else:
            attempts.release(session, *run)
    return claimed, verdict


def numbers(database: Database, run_id: int) -> dict[str, Any]:
    """Return all that a repeated training repeats: points and steps."""
    with database.read() as session:
        found = points.read(session, run_id)
        series = chunks.read_steps(session, run_id, "step_loss")
    told: dict[str, Any] = {name: one.by_epoch() for name, one in found.items() if name not in TIMING_METRICS}
    return told | {"steps": list(series.positions), "step_loss": list(series.values)}


def files(settings: Settings, run_id: int) -> list[Path]:
    """Return the files of the weights of a run's checkpoints, the newest last."""
    found = (settings.runs_folder / str(run_id)).glob("*.safetensors")
    return sorted(found, key=lambda path: path.stat().st_mtime_ns)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


@pytest.mark.parametrize(
    ("damage", "goes_on_from"),
    [
        ([truncate], "the checkpoint of epoch 2"),
        ([Path.unlink], "the checkpoint of epoch 2"),
        ([truncate, truncate], "the beginning"),
    ],
    ids=["the newest truncated", "the newest missing", "both truncated"],
)
def test_a_run_whose_checkpoints_are_broken_ends_with_the_numbers_of_one_that_nothing_disturbed(
    settings: Settings,
    sqlite_database: Database,
    damage: list[Callable[[Path], None]],
    goes_on_from: str,
) -> None:
    undisturbed = launch(sqlite_database)
    assert train(sqlite_database, settings)[1] == Verdict("completed")
    disturbed = launch(sqlite_database)
    assert train(sqlite_database, settings, last_epoch=3)[1].outcome == "stopped"
    kept = files(settings, disturbed)
    assert len(kept) == 2, "the checkpoint before the newest is kept"
    for harm, path in zip(damage, reversed(kept), strict=False):
        harm(path)
    claimed, verdict = train(sqlite_database, settings)
    assert (claimed.run_id, claimed.attempt, verdict) == (disturbed, 2, Verdict("completed"))
    wanted = numbers(sqlite_database, undisturbed)
    assert list(wanted["test_acc"]) == list(range(1, EPOCHS + 1))
    assert wanted["steps"] == list(range(1, EPOCHS * 5 + 1))
    assert numbers(sqlite_database, disturbed) == wanted
    with sqlite_database.read() as session:
        lines = [one.text for one in logs.read(session, disturbed)]
        resumed_from = runs.attempts(session, disturbed)[1].resumed_from
    told = [line for line in lines if "goes back and starts from" in line]
    assert len(told) == len(damage)
    assert told[0].startswith("The checkpoint attempt-1-epoch-3 is ")
    assert told[-1].endswith(f"Attempt 2 goes back and starts from {goes_on_from}.")
    assert (resumed_from or {"epoch": 0})["epoch"] == (2 if "2" in goes_on_from else 0)


def test_a_run_that_goes_back_to_the_start_needs_the_weights_that_it_started_from(
    settings: Settings, sqlite_database: Database
) -> None:
    """Going on from a checkpoint it reads none: the start is another matter."""
    small = {"name": "tiny", "image_size": 32, "train_limit": 32, "test_limit": 10}
    parent = launch(sqlite_database, dataset=small, model={"arch": "squeezenet1_1"}, epochs=1)
    assert train(sqlite_database, settings)[1] == Verdict("completed")
    with sqlite_database.read() as session:
        recipe = runs.get(session, parent).recipe_hash
    model = {"arch": "squeezenet1_1", "weights": {"source": "parent", "parent": recipe}}
    child = launch(sqlite_database, dataset=small, model=model, epochs=2)
    assert train(sqlite_database, settings, last_epoch=1)[1].outcome == "stopped"
    for path in files(settings, child):
        truncate(path)
    claimed, verdict = train(sqlite_database, settings)
    assert (claimed.run_id, verdict) == (child, Verdict("completed"))
    with sqlite_database.read() as session:
        second = runs.attempts(session, child)[1]
    assert second.resumed_from is None
    assert second.environment
    assert second.environment["weights"]["source"] == "parent"
