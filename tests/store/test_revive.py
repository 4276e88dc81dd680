"""A person's retry, resume and deletion of runs that are over, on both databases."""

import math
import threading

import pytest
from sqlalchemy import func, select, update

from backend.contract import Reason, RunState
from backend.errors import FamilyConflict, NoCheckpoint, NotFound, RunStateConflict, RunyardError
from backend.store import attempts, events, families, launches, logs, points, predictions, revive, runs
from backend.store.session import Database
from backend.store.tables import Attempt, Event, LogLine, Point, Prediction, Run
from tests.store import scenes


def failed(database: Database, checkpoint: dict | None = None) -> int:
    """Launch a run that fails after two epochs, the first with a checkpoint where one is given."""
    (run_id,) = scenes.launch(database)
    claimed = scenes.claim(database)
    with database.write() as session:
        predictions.describe_test_set(session, "t" * 64, ["x", "y"], b"\0\1")
    scenes.report(database, claimed, 1, {"train_loss": 2.0, "test_acc": 0.4}, checkpoint, ("t" * 64, b"\0\0"))
    scenes.report(database, claimed, 2, {"train_loss": math.inf, "test_acc": 0.1}, None, ("t" * 64, b"\1\1"))
    with database.write() as session:
        attempts.describe(session, run_id, claimed.attempt, {"data_hash": "abc"})
        attempts.finish(
            session, run_id, claimed.attempt, claimed.owner, RunState.FAILED, Reason.CODE_ERROR, "It broke."
        )
    return run_id


def act(database: Database, what, run_id: int):
    with database.write() as session:
        return what(session, run_id)


def stored_epochs(database: Database, run_id: int) -> list[int]:
    with database.read() as session:
        query = select(Prediction.epoch).where(Prediction.run_id == run_id).order_by(Prediction.epoch)
        return list(session.scalars(query))


def test_a_retried_run_starts_from_the_beginning_as_a_new_attempt(database: Database) -> None:
    run_id = failed(database, scenes.pointer(1))
    assert act(database, revive.retry, run_id) == RunState.QUEUED
    with database.read() as session:
        run = scenes.run(session, run_id)
        assert (run.checkpoint, run.summary, run.reason, run.detail) == (None, None, None, None)
        assert (run.finished_at, run.started_at, run.losses, run.parent_sha256) == (None, None, 0, None)
        assert points.read(session, run_id) == {}
    assert stored_epochs(database, run_id) == []
    assert scenes.kinds(database, run_id)[-2:] == ["rewind", "state"]
    claimed = scenes.claim(database)
    assert (claimed.attempt, claimed.checkpoint, claimed.data_hash) == (2, None, None)
    assert scenes.report(database, claimed, 1, {"test_acc": 0.3})


def test_a_retry_sets_the_curves_aside_in_the_last_attempt(database: Database) -> None:
    run_id = failed(database)
    act(database, revive.retry, run_id)
    with database.read() as session:
        kept = points.read_set_aside(session, run_id, 1)
        assert runs.attempts_with_points(session, run_id) == {1}
    assert kept is not None
    assert (kept["train_loss"].epochs, kept["train_loss"].values) == ([1, 2], [2.0, None])
    assert kept["train_loss"].by_epoch() == {1: 2.0, 2: math.inf}
    # A second retry before anything was trained must not put nothing in their place.
    act(database, attempts.cancel, run_id)
    act(database, revive.retry, run_id)
    with database.read() as session:
        assert points.read_set_aside(session, run_id, 1) == kept


def test_a_resumed_run_goes_on_from_its_checkpoint(database: Database) -> None:
    run_id = failed(database, scenes.pointer(1))
    assert act(database, revive.resume, run_id) == RunState.QUEUED
    claimed = scenes.claim(database)
    assert (claimed.attempt, claimed.checkpoint, claimed.data_hash) == (2, scenes.pointer(1), "abc")
    with database.read() as session:
        assert points.read(session, run_id)["test_acc"].epochs == [1]
        assert scenes.run(session, run_id).summary == {
            "epoch": 1,
            "metrics": {"train_loss": 2.0, "test_acc": 0.4},
            "best_test_acc": 0.4,
            "best_epoch": 1,
        }
    assert stored_epochs(database, run_id) == [1]


def test_a_run_without_a_checkpoint_is_not_resumed_but_retried(database: Database) -> None:
    run_id = failed(database)
    with pytest.raises(NoCheckpoint, match=f"Run {run_id} has no checkpoint: retry it from the start"):
        act(database, revive.resume, run_id)
    assert scenes.state(database, run_id) == RunState.FAILED


@pytest.mark.parametrize("what", [revive.retry, revive.resume])
def test_only_a_run_that_failed_or_was_cancelled_is_put_back(database: Database, what) -> None:
    (run_id,) = scenes.launch(database)
    with pytest.raises(RunStateConflict, match="is queued; it must be failed or cancelled"):
        act(database, what, run_id)
    claimed = scenes.claim(database)
    with pytest.raises(RunStateConflict, match="is running"):
        act(database, what, run_id)
    scenes.complete(database, claimed)
    with pytest.raises(RunStateConflict, match="is completed"):
        act(database, what, run_id)
    with pytest.raises(NotFound):
        act(database, what, 99)


def test_losses_and_waits_are_forgotten_by_a_retry(database: Database) -> None:
    (run_id,) = scenes.launch(database)
    claimed = scenes.claim(database)
    with database.write() as session:
        attempts.lose(session, run_id, claimed.attempt, claimed.owner, "gone", backoff_seconds=3600)
        attempts.cancel(session, run_id)
    act(database, revive.retry, run_id)
    with database.read() as session:
        assert scenes.run(session, run_id).losses == 0
    assert scenes.claim(database).attempt == 2  # at once, and told to stop by nobody
    with database.read() as session:
        assert not scenes.run(session, run_id).cancel_requested


@pytest.mark.parametrize("what", [revive.retry, revive.resume])
def test_of_two_who_put_a_run_back_at_once_one_does(database: Database, what) -> None:
    run_id = failed(database, scenes.pointer(1))
    start, done = threading.Barrier(2), []

    def ask() -> None:
        start.wait()
        try:
            done.append(act(database, what, run_id))
        except RunStateConflict:
            done.append(None)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done, key=str) == [None, RunState.QUEUED]


@pytest.mark.parametrize("what", [revive.retry, revive.resume])
def test_children_that_failed_with_a_run_wait_for_it_again(database: Database, what) -> None:
    (parent,) = scenes.launch(database)
    child, cancelled = scenes.launch_child(database, parent), scenes.launch_child(database, parent)
    claimed = scenes.claim(database)
    act(database, attempts.cancel, cancelled)
    scenes.report(database, claimed, 1, {"test_acc": 0.5}, scenes.pointer(1))
    scenes.end(database, claimed, RunState.FAILED)
    act(database, what, parent)
    assert [scenes.state(database, one) for one in (parent, child, cancelled)] == [
        RunState.QUEUED,
        RunState.WAITING,
        RunState.CANCELLED,
    ]
    with database.read() as session:
        run = scenes.run(session, child)
        assert (run.reason, run.detail, run.finished_at) == (None, None, None)
    second = scenes.claim(database)
    assert scenes.report(database, second, 2, {"test_acc": 0.6}, scenes.pointer(2))
    assert scenes.end(database, second, RunState.COMPLETED)
    assert scenes.claim(database).run_id == child


def test_grandchildren_wait_again_as_well(database: Database) -> None:
    (parent,) = scenes.launch(database)
    child = scenes.launch_child(database, parent)
    grandchild = scenes.launch_child(database, child)
    act(database, attempts.cancel, parent)
    assert scenes.state(database, grandchild) == RunState.FAILED
    act(database, revive.retry, parent)
    assert [scenes.state(database, one) for one in (child, grandchild)] == [RunState.WAITING] * 2


def test_a_child_is_not_put_back_before_its_parent(database: Database) -> None:
    (parent,) = scenes.launch(database)
    child = scenes.launch_child(database, parent)
    act(database, attempts.cancel, parent)
    with pytest.raises(
        FamilyConflict, match=rf"starts from run {parent} \(run 0\), which was cancelled: retry"
    ):
        act(database, revive.retry, child)
    assert scenes.state(database, child) == RunState.FAILED


def test_a_child_put_back_while_its_parent_trains_waits_for_it(database: Database) -> None:
    (parent,) = scenes.launch(database)
    child = scenes.launch_child(database, parent)
    claimed = scenes.claim(database)
    act(database, attempts.cancel, child)
    assert act(database, revive.retry, child) == RunState.WAITING
    scenes.complete(database, claimed)
    assert scenes.claim(database).run_id == child


def test_a_child_put_back_in_the_moment_its_parent_completes_never_waits_for_ever(database: Database) -> None:
    for seed in range(8):
        wanted = launches.NewRun(scenes.a_spec(seed=seed), "parent")
        with database.write() as session:
            (parent,) = launches.accept(session, [wanted], body_sha256="0" * 64).run_ids
        child = scenes.launch_child(database, parent)
        claimed = scenes.claim(database)
        act(database, attempts.cancel, child)
        start = threading.Barrier(2)

        def complete(start: threading.Barrier = start, claimed: attempts.Claimed = claimed) -> None:
            start.wait()
            scenes.end(database, claimed, RunState.COMPLETED)

        def put_back(start: threading.Barrier = start, child: int = child) -> None:
            start.wait()
            act(database, revive.retry, child)

        threads = [threading.Thread(target=complete), threading.Thread(target=put_back)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert scenes.state(database, child) == RunState.QUEUED
        act(database, attempts.cancel, child)


@pytest.mark.parametrize("final", [RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED])
def test_a_run_that_is_over_is_deleted_with_all_that_was_recorded_of_it(
    database: Database, final: RunState
) -> None:
    run_id = failed(database, scenes.pointer(1))
    (other,) = scenes.launch(database)
    with database.write() as session:
        session.execute(update(Run).where(Run.id == run_id).values(state=final))
        logs.append(session, run_id, ["a line"])
    act(database, revive.purge, run_id)
    with database.read() as session:
        with pytest.raises(NotFound):
            runs.get(session, run_id)
        for table in (Attempt, Point, Prediction, Event, LogLine):
            left = select(func.count()).select_from(table).where(table.run_id == run_id)
            assert session.execute(left).scalar_one() == 0, table
        assert events.after(session, 0, run_id=other)
    with pytest.raises(NotFound):
        act(database, revive.purge, run_id)


def test_a_run_that_is_not_over_is_not_deleted(database: Database) -> None:
    (run_id,) = scenes.launch(database)
    with pytest.raises(RunStateConflict, match="is queued; it must be completed, failed or cancelled"):
        act(database, revive.purge, run_id)
    scenes.claim(database)
    with pytest.raises(RunStateConflict, match="is running"):
        act(database, revive.purge, run_id)


def test_a_parent_is_not_deleted_while_a_child_needs_it(database: Database) -> None:
    (parent,) = scenes.launch(database)
    child = scenes.launch_child(database, parent)
    scenes.complete(database, scenes.claim(database))
    with pytest.raises(FamilyConflict, match=rf"run {child} \(child of {parent}\) is queued"):
        act(database, revive.purge, parent)
    scenes.complete(database, scenes.claim(database), "b")
    act(database, revive.purge, parent)
    with database.read() as session:
        left = scenes.run(session, child)
        assert (left.parent_run_id, left.parent_sha256) == (None, "a" * 64)
        assert runs.get(session, child).parent is None


def test_a_child_is_never_put_back_onto_a_parent_that_is_deleted_in_that_moment(database: Database) -> None:
    for seed in range(8):
        wanted = launches.NewRun(scenes.a_spec(seed=seed), "parent")
        with database.write() as session:
            (parent,) = launches.accept(session, [wanted], body_sha256="0" * 64).run_ids
        child = scenes.launch_child(database, parent)
        scenes.complete(database, scenes.claim(database))
        act(database, attempts.cancel, child)
        start, refused = threading.Barrier(2), []

        def purge(start: threading.Barrier = start, refused: list = refused, parent: int = parent) -> None:
            start.wait()
            try:
                act(database, revive.purge, parent)
            except RunyardError as problem:
                refused.append(problem)

        def put_back(start: threading.Barrier = start, child: int = child) -> None:
            start.wait()
            act(database, revive.retry, child)

        threads = [threading.Thread(target=purge), threading.Thread(target=put_back)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert scenes.state(database, child) == RunState.QUEUED
        with database.read() as session:
            kept = families.children(session, parent)
        assert bool(kept) == bool(refused)
        act(database, attempts.cancel, child)
