"""The recorder: what the training says reaches the store, and a training that owns its run no more ends."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from sqlalchemy.exc import OperationalError

from backend.contract import RunState
from backend.processes import wait_until
from backend.store import attempts, chunks, logs, points, predictions, runs
from backend.store.attempts import Claimed
from backend.store.session import Database
from tests.store import scenes
from worker.engine.checkpoint import CheckpointPointer
from worker.recorder import FENCED, DatabaseRecorder


@contextmanager
def recording(
    database: Database, claimed: Claimed, lease_seconds: float = 60
) -> Iterator[tuple[DatabaseRecorder, list[int]]]:
    ended: list[int] = []  # the status with which the process would have ended
    recorder = DatabaseRecorder(database, claimed, 5, lease_seconds, end_process=ended.append)
    recorder.start()
    yield recorder, ended
    recorder.close()


@pytest.fixture
def claimed(database: Database) -> Claimed:
    scenes.launch(database)
    return scenes.claim(database)


def test_an_epoch_is_committed_with_its_checkpoint_when_epoch_returns(
    database: Database, claimed: Claimed
) -> None:
    pointer = CheckpointPointer(1, "attempt-1-epoch-1", "0" * 64)
    with recording(database, claimed) as (recorder, _):
        recorder.log("one\ntwo")
        recorder.environment({"torch": "2"})
        recorder.epoch(1, {"test_acc": 0.5, "train_loss": math.nan}, pointer)
        with database.read() as session:
            run = runs.get(session, claimed.run_id).run
            assert run.checkpoint == {**pointer.to_json(), "before": None}
            assert [line.text for line in logs.read(session, claimed.run_id)] == ["one", "two"]
            assert points.read(session, claimed.run_id)["train_loss"].nonfinite == {1: "nan"}
            assert runs.attempts(session, claimed.run_id)[0].environment == {"torch": "2"}


def test_progress_reaches_the_store_with_the_time_left(database: Database, claimed: Claimed) -> None:
    def stored() -> dict | None:
        with database.read() as session:
            return runs.get(session, claimed.run_id).run.progress

    with recording(database, claimed) as (recorder, _):
        for step in (2, 3):
            recorder.progress(epoch=2, step=step, steps=10, images_per_second=100.0)
        assert wait_until(stored, 120)
    progress = stored()
    assert progress is not None
    assert (progress["epoch"], progress["epochs"], progress["step"]) == (2, 5, 3)
    assert progress["seconds_left"] >= 0


def test_what_is_prepared_is_told_until_the_first_epoch(database: Database, claimed: Claimed) -> None:
    def stored() -> dict:
        with database.read() as session:
            return runs.get(session, claimed.run_id).run.progress or {}

    with recording(database, claimed) as (recorder, _):
        recorder.preparing("making features", 64, 100)
        assert wait_until(lambda: stored().get("done") == 64, 120)
        told = stored()
        assert (told["doing"], told["total"], told["epoch"]) == ("making features", 100, 0)
        # The supervisor's watch must see that it goes on.
        recorder.preparing("making features", 64, 100)
        assert wait_until(lambda: stored()["beats"] > told["beats"], 120)
        recorder.progress(epoch=1, step=1, steps=10, images_per_second=100.0)
        assert wait_until(lambda: stored()["epoch"] == 1, 120)
    assert "doing" not in stored()


def test_predictions_reach_the_store_with_the_classes_they_are_compared_to(
    database: Database, claimed: Claimed
) -> None:
    with recording(database, claimed) as (recorder, _):
        recorder.test_set("d" * 64, ("cat", "dog"), b"\x00\x01\x01")
        recorder.epoch(1, {"test_acc": 0.5}, None, b"\x00\x00\x01")
    with database.read() as session:
        found = predictions.read(session, claimed.run_id, "last")
    assert found
    assert (found.epoch, found.names, found.labels, found.predicted) == (
        1,
        ["cat", "dog"],
        b"\x00\x01\x01",
        b"\x00\x00\x01",
    )


def pointer_to(epoch: int, step: int, global_step: int) -> CheckpointPointer:
    return CheckpointPointer(epoch, f"attempt-1-epoch-{epoch}-step-{step}", "0" * 64, step, global_step)


def test_steps_are_committed_with_the_checkpoint_that_is_told_next(
    database: Database, claimed: Claimed
) -> None:
    losses = np.array([2.0, math.nan, 0.5])
    with recording(database, claimed) as (recorder, _):
        recorder.steps(1, {"step_loss": losses, "step_lr": np.full(3, 0.1)})
        losses[:] = 0.0  # the engine fills its array anew
        recorder.checkpoint(pointer_to(0, 3, 3))
        with database.read() as session:
            found = chunks.read_steps(session, claimed.run_id, "step_loss")
            run = runs.get(session, claimed.run_id).run
        assert list(found.positions) == [1, 2, 3]
        assert (found.values[0], math.isnan(found.values[1]), found.values[2]) == (2.0, True, 0.5)
        assert run.checkpoint
        assert (run.checkpoint["step"], run.checkpoint["global_step"]) == (3, 3)


def test_each_checkpoint_remembers_the_one_before_it_also_over_attempts(
    database: Database, claimed: Claimed
) -> None:
    first, second, third = pointer_to(0, 3, 3), pointer_to(1, 0, 10), pointer_to(1, 5, 15)
    with recording(database, claimed) as (recorder, _):
        recorder.checkpoint(first)
        recorder.epoch(1, {"test_acc": 0.5}, second)
    with database.write() as session:
        attempts.release(session, claimed.run_id, claimed.attempt, claimed.owner)
    goes_on = scenes.claim(database)
    assert goes_on.checkpoint == {**second.to_json(), "before": first.to_json()}
    with recording(database, goes_on) as (recorder, _):
        recorder.checkpoint(third)
        with database.read() as session:
            assert scenes.run(session, claimed.run_id).checkpoint == {
                **third.to_json(),
                "before": second.to_json(),
            }


def test_a_step_back_is_committed_when_it_returns_and_what_follows_is_chained_to_it(
    database: Database, claimed: Claimed
) -> None:
    first, second, third = pointer_to(0, 3, 3), pointer_to(1, 0, 10), pointer_to(0, 7, 7)
    with recording(database, claimed) as (recorder, _):
        recorder.checkpoint(first)
        recorder.epoch(1, {"test_acc": 0.5}, second)
    with database.write() as session:
        attempts.release(session, claimed.run_id, claimed.attempt, claimed.owner)
    goes_on = scenes.claim(database)
    with recording(database, goes_on) as (recorder, _):
        now = recorder.step_back("It is broken.")
        assert now == Claimed(**{**vars(goes_on), "checkpoint": {**first.to_json(), "before": None}})
        with database.read() as session:
            run = scenes.run(session, claimed.run_id)
            assert (run.checkpoint, run.summary) == (now.checkpoint, None)
        recorder.checkpoint(third)
        with database.read() as session:
            assert scenes.run(session, claimed.run_id).checkpoint == {
                **third.to_json(),
                "before": first.to_json(),
            }


def stored_samples(database: Database, claimed: Claimed) -> list[float]:
    with database.read() as session:
        found = chunks.read_samples(session, claimed.run_id, "cpu_load", claimed.attempt)
    return list(found.positions)


def test_samples_of_the_device_are_stored_a_chunk_at_a_time_at_epochs_and_at_the_end(
    database: Database, claimed: Claimed
) -> None:
    with recording(database, claimed) as (recorder, _):
        for second in range(30):
            recorder.device_sample(float(second), {"cpu_load": 0.5})
        assert wait_until(lambda: len(stored_samples(database, claimed)) == 30, 120)
        recorder.device_sample(30.0, {"cpu_load": math.nan})
        recorder.epoch(1, {"test_acc": 0.5}, None)
        assert len(stored_samples(database, claimed)) == 31
        recorder.device_sample(31.0, {"cpu_load": 0.5})
    assert stored_samples(database, claimed) == [float(second) for second in range(32)]


def test_an_attempt_that_was_taken_over_stores_no_steps_no_checkpoint_and_no_samples(
    database: Database, claimed: Claimed
) -> None:
    with database.write() as session:
        attempts.lose(session, claimed.run_id, claimed.attempt, claimed.owner, "frozen", backoff_seconds=0)
    scenes.claim(database, "worker-b")

    def too_late() -> None:
        recorder.steps(1, {"step_loss": np.ones(3)})
        recorder.device_sample(1.0, {"cpu_load": 0.5})
        recorder.checkpoint(pointer_to(0, 3, 3))

    recorder = DatabaseRecorder(database, claimed, 5, 60, end_process=lambda status: ended.append(status))
    ended: list[int] = []
    # As the process would have ended, nothing answers it: it waits in a thread that dies with the test.
    threading.Thread(target=too_late, daemon=True).start()
    recorder.start()
    assert wait_until(lambda: ended == [FENCED], 120)
    with database.read() as session:
        assert chunks.lengths(session, claimed.run_id) == []
        assert scenes.run(session, claimed.run_id).checkpoint is None


def test_a_wish_to_cancel_is_heard(database: Database, claimed: Claimed) -> None:
    with recording(database, claimed) as (recorder, _):
        assert not recorder.should_stop()
        with database.write() as session:
            attempts.cancel(session, claimed.run_id)
        assert wait_until(recorder.should_stop, 120)
        assert recorder.cancel_requested


def test_a_training_whose_run_was_taken_over_ends_and_writes_nothing(
    database: Database, claimed: Claimed
) -> None:
    with database.write() as session:
        attempts.lose(session, claimed.run_id, claimed.attempt, claimed.owner, "frozen", backoff_seconds=0)
    taken = scenes.claim(database, "worker-b")
    with recording(database, claimed) as (recorder, ended):
        recorder.log("a late word")
        assert wait_until(lambda: ended, 120)
    assert ended == [FENCED]
    with database.read() as session:
        assert "a late word" not in [line.text for line in logs.read(session, claimed.run_id)]
    assert scenes.end(database, taken, RunState.COMPLETED)


class BrokenDatabase(Database):
    """A database that has gone away."""

    @contextmanager
    def write(self) -> Iterator:
        raise OperationalError("BEGIN", {}, Exception("the disk is gone"))
        yield


def test_a_training_that_cannot_report_for_nearly_a_lease_ends(sqlite_database: Database) -> None:
    scenes.launch(sqlite_database)
    claimed = scenes.claim(sqlite_database)
    broken = BrokenDatabase(sqlite_database.url.render_as_string())
    with recording(broken, claimed, lease_seconds=0.4) as (_, ended):
        assert wait_until(lambda: ended, 120)
    assert set(ended) == {FENCED}


def test_epochs_told_from_the_training_never_wait_for_each_other_for_ever(
    database: Database, claimed: Claimed
) -> None:
    with recording(database, claimed) as (recorder, _):
        teller = threading.Thread(
            target=lambda: [recorder.epoch(n, {"test_acc": n / 10}, None) for n in range(1, 6)], daemon=True
        )
        teller.start()
        teller.join(30)
        assert not teller.is_alive()
    with database.read() as session:
        assert points.read(session, claimed.run_id)["test_acc"].epochs == [1, 2, 3, 4, 5]


class HangingDatabase(Database):
    """A database that answers nobody, as behind a network that went silent."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.answer = threading.Event()

    @contextmanager
    def write(self) -> Iterator:
        self.answer.wait(30)
        raise OperationalError("BEGIN", {}, Exception("no answer"))
        yield


def test_a_training_whose_store_hangs_for_nearly_a_lease_ends(sqlite_database: Database) -> None:
    scenes.launch(sqlite_database)
    claimed = scenes.claim(sqlite_database)
    hanging = HangingDatabase(sqlite_database.url.render_as_string())
    ended: list[int] = []
    recorder = DatabaseRecorder(hanging, claimed, 5, 0.4, end_process=ended.append)
    recorder.start()
    assert wait_until(lambda: ended, 120)
    hanging.answer.set()


def test_a_line_that_no_database_can_hold_is_kept_as_far_as_it_can_be(
    database: Database, claimed: Claimed
) -> None:
    with recording(database, claimed) as (recorder, _):
        recorder.log("a \udc80 word\0")
        recorder.epoch(1, {"test_acc": 0.5}, None)
    with database.read() as session:
        assert [line.text for line in logs.read(session, claimed.run_id)] == ["a ? word\ufffd"]


def test_a_report_that_cannot_be_written_fails_the_training_instead_of_hanging_it(
    database: Database, claimed: Claimed
) -> None:
    recorder = DatabaseRecorder(database, claimed, 5, 60)
    recorder.start()
    recorder.environment({"strange": object()})
    with pytest.raises(RuntimeError, match="report to the store failed"):
        recorder.epoch(1, {"test_acc": 0.5}, None)
    with pytest.raises(RuntimeError):
        recorder.should_stop()
    recorder.log(
        "Failed: the training tells why, and nobody hears it"
    )  # must not raise: the verdict comes after it
    recorder.close()
