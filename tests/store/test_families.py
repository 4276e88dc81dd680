"""Runs that start from another's training: when they wait, are queued, and fail with it."""

import threading
from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
from sqlalchemy import update

from backend.contract import FINAL, LEGAL_MOVES, MAX_LOSSES, Reason, RunState
from backend.errors import InvalidSpec, RunyardError
from backend.store import attempts, clock, events, families, launches, revive
from backend.store.session import Database
from backend.store.tables import Run
from tests.store import scenes


def family(database: Database) -> tuple[int, int, int]:
    """Launch a parent, its child, and the child's child."""
    (parent,) = scenes.launch(database)
    child = scenes.launch_child(database, parent)
    return parent, child, scenes.launch_child(database, child)


def seen(database: Database, run_id: int) -> list[str]:
    """Return the states of a run, as its events tell them."""
    with database.read() as session:
        return [e.payload["state"] for e in events.after(session, 0, run_id=run_id) if e.kind == "state"]


def far_future(database: Database) -> float:
    with database.read() as session:
        return clock.read_now(session) + 10_000


def test_a_child_waits_and_is_not_claimed_until_its_parent_is_completed(database: Database) -> None:
    parent, child, grandchild = family(database)
    claimed = scenes.claim(database)
    assert claimed.run_id == parent
    with database.write() as session:
        assert attempts.claim(session, "worker-b", 60) is None
    scenes.complete(database, claimed)
    assert seen(database, child) == ["waiting", "queued"]
    assert scenes.state(database, grandchild) == RunState.WAITING
    assert scenes.claim(database).run_id == child


def fails(database: Database, parent: int) -> None:
    scenes.end(database, scenes.claim(database), RunState.FAILED)


def is_cancelled_in_the_queue(database: Database, parent: int) -> None:
    with database.write() as session:
        assert attempts.cancel(session, parent)


def is_cancelled_while_it_runs(database: Database, parent: int) -> None:
    claimed = scenes.claim(database)
    is_cancelled_in_the_queue(database, parent)
    assert scenes.end(database, claimed, RunState.CANCELLED)


def is_cancelled_while_its_worker_drains(database: Database, parent: int) -> None:
    claimed = scenes.claim(database)
    is_cancelled_in_the_queue(database, parent)
    with database.write() as session:
        assert attempts.release(session, parent, claimed.attempt, claimed.owner)


def is_cancelled_as_its_worker_is_lost(database: Database, parent: int) -> None:
    scenes.claim(database)
    is_cancelled_in_the_queue(database, parent)
    assert scenes.expire_at(database, far_future(database)) == 1


def loses_its_last_worker(database: Database, parent: int) -> None:
    for _ in range(MAX_LOSSES):
        claimed = scenes.claim(database)
        with database.write() as session:
            attempts.lose(session, parent, claimed.attempt, claimed.owner, "gone", backoff_seconds=0)


@pytest.mark.parametrize(
    ("ends", "says"),
    [
        (fails, "failed"),
        (loses_its_last_worker, "failed"),
        (is_cancelled_in_the_queue, "was cancelled"),
        (is_cancelled_while_it_runs, "was cancelled"),
        (is_cancelled_while_its_worker_drains, "was cancelled"),
        (is_cancelled_as_its_worker_is_lost, "was cancelled"),
    ],
)
def test_whatever_ends_a_parent_fails_its_children_and_theirs(
    database: Database, ends: Callable[[Database, int], None], says: str
) -> None:
    parent, child, grandchild = family(database)
    ends(database, parent)
    with database.read() as session:
        first, second = scenes.run(session, child), scenes.run(session, grandchild)
        assert [(run.state, run.reason) for run in (first, second)] == [
            (RunState.FAILED, Reason.PARENT_FAILED)
        ] * 2
        assert first.detail == f"Run {parent} (run 0) {says}."
        assert second.detail == f"Run {child} (child of {parent}) failed."
        assert first.finished_at is not None
    assert seen(database, grandchild) == ["waiting", "failed"]


def test_a_parent_that_lost_a_worker_leaves_its_children_waiting(database: Database) -> None:
    _, child, _ = family(database)
    scenes.claim(database)
    assert scenes.expire_at(database, far_future(database)) == 1
    assert scenes.state(database, child) == RunState.WAITING


def test_a_child_that_was_cancelled_stays_so_when_its_parent_completes(database: Database) -> None:
    parent, child, grandchild = family(database)
    with database.write() as session:
        assert attempts.cancel(session, child)
    scenes.complete(database, scenes.claim(database))
    assert scenes.state(database, child) == RunState.CANCELLED
    with database.read() as session:
        assert scenes.run(session, grandchild).detail == f"Run {child} (child of {parent}) was cancelled."


def test_a_claim_tells_what_the_run_starts_from_and_keeps_it_on_record(database: Database) -> None:
    parent, child, _ = family(database)
    first = scenes.claim(database)
    assert first.parent is None
    scenes.complete(database, first)
    claimed = scenes.claim(database)
    assert claimed.parent == families.ParentRun(parent, "run 0", scenes.pointer(1), seed=0, changed=False)
    with database.read() as session:
        assert scenes.run(session, child).parent_sha256 == "a" * 64


def lose_with_checkpoint(database: Database, claimed: attempts.Claimed, checkpoint: dict | None) -> None:
    scenes.report(database, claimed, 1, {"test_acc": 0.1}, checkpoint)
    with database.write() as session:
        attempts.lose(session, claimed.run_id, claimed.attempt, claimed.owner, "gone", backoff_seconds=0)


@pytest.mark.parametrize(("goes_on", "changed", "began_on"), [(True, True, "a"), (False, False, "b")])
def test_only_a_run_that_goes_on_can_find_its_parent_changed(
    database: Database, goes_on: bool, changed: bool, began_on: str
) -> None:
    parent, child, _ = family(database)
    scenes.complete(database, scenes.claim(database))
    lose_with_checkpoint(database, scenes.claim(database), scenes.pointer(1, "c") if goes_on else None)
    with database.write() as session:
        session.execute(update(Run).where(Run.id == parent).values(checkpoint=scenes.pointer(2, "b")))
    again = scenes.claim(database)
    assert again.parent is not None
    assert (again.run_id, again.parent.changed) == (child, changed)
    with database.read() as session:
        assert scenes.run(session, child).parent_sha256 == began_on * 64


def test_a_child_whose_parent_is_gone_is_told_of_none(database: Database) -> None:
    _, child, _ = family(database)
    scenes.complete(database, scenes.claim(database))
    with database.write() as session:
        session.execute(update(Run).where(Run.id == child).values(parent_run_id=None))
    assert scenes.claim(database).parent is None


@pytest.mark.parametrize("final", [RunState.COMPLETED, RunState.FAILED])
def test_a_child_launched_as_its_parent_ends_never_waits_for_ever(
    database: Database, final: RunState
) -> None:
    for seed in range(5):
        wanted = launches.NewRun(scenes.a_spec(seed=seed), "parent")
        with database.write() as session:
            launches.accept(session, [wanted], body_sha256="0" * 64)
        claimed = scenes.claim(database)
        scenes.report(database, claimed, 1, {"test_acc": 0.5}, scenes.pointer(1))
        start, launched = threading.Barrier(2), []

        def end(start: threading.Barrier = start, claimed: attempts.Claimed = claimed) -> None:
            start.wait()
            scenes.end(database, claimed, final)

        def launch(
            start: threading.Barrier = start, launched: list = launched, parent: int = claimed.run_id
        ) -> None:
            start.wait()
            try:
                launched.append(scenes.launch_child(database, parent))
            except InvalidSpec:
                assert final == RunState.FAILED  # it was seen in time

        threads = [threading.Thread(target=end), threading.Thread(target=launch)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for child in launched:
            after = RunState.QUEUED if final == RunState.COMPLETED else RunState.FAILED
            assert scenes.state(database, child) == after
            with database.write() as session:
                attempts.cancel(session, child)


@pytest.mark.parametrize(
    ("parents", "childs"),
    [
        (RunState.COMPLETED, RunState.QUEUED),
        (RunState.FAILED, RunState.FAILED),
        (RunState.CANCELLED, RunState.FAILED),
        (RunState.QUEUED, RunState.WAITING),
    ],
)
def test_what_waits_for_a_parent_that_is_over_is_repaired(
    database: Database, parents: RunState, childs: RunState
) -> None:
    parent, child, grandchild = family(database)
    with database.write() as session:  # as if the end had not been passed on
        session.execute(update(Run).where(Run.id == parent).values(state=parents))
    with database.write() as session:
        moved = families.release_ready(session)
    assert moved == {RunState.QUEUED: 1, RunState.FAILED: 2, RunState.WAITING: 0}[childs]
    assert scenes.state(database, child) == childs
    with database.write() as session:
        assert families.release_ready(session) == 0
    assert scenes.state(database, grandchild) == (
        RunState.FAILED if childs == RunState.FAILED else RunState.WAITING
    )


@pytest.mark.parametrize("seed", range(2))
def test_a_family_only_makes_legal_moves_whatever_happens_to_it(database: Database, seed: int) -> None:
    random = Random(seed)
    ids = family(database)
    held: list[attempts.Claimed] = []
    time = far_future(database)
    for step in range(50):
        time += 100
        run_id = random.choice(ids)
        with database.write() as session:
            session.info["clock"] = lambda time=time: time
            old = random.choice(held) if held else None
            match random.choice(["claim", "report", "finish", "expire", "cancel"]):
                case "claim":
                    claimed = attempts.claim(session, f"worker-{step}", 500)
                    held += [claimed] if claimed else []
                case "report" if old and attempts.renew(session, old.run_id, old.attempt, old.owner, 500):
                    attempts.report_epoch(
                        session, old.run_id, old.attempt, step, {"test_acc": 0.1}, scenes.pointer(step)
                    )
                case "finish" if old:
                    final = random.choice([RunState.COMPLETED, RunState.FAILED])
                    attempts.finish(session, old.run_id, old.attempt, old.owner, final)
                case "expire" if random.random() < 0.3:
                    attempts.expire(session, backoff_seconds=1)
                case "cancel" if random.random() < 0.3:
                    attempts.cancel(session, run_id)
        for act in (revive.retry, revive.resume) if step % 3 == 0 else ():
            try:
                with database.write() as session:
                    act(session, run_id)
            except RunyardError as problem:
                assert problem.status == 409, problem
        with database.write() as session:
            assert families.release_ready(session) == 0, "an end was not passed on"
            for child in (scenes.run(session, run_id) for run_id in ids[1:]):
                parent = scenes.run(session, child.parent_run_id)
                assert child.state != RunState.WAITING or parent.state not in FINAL
                assert child.state not in (RunState.QUEUED, RunState.RUNNING) or parent.state == "completed"
    for run_id in ids:
        states = [RunState(state) for state in seen(database, run_id)]
        for before, after in pairwise(states):
            assert after in LEGAL_MOVES[before] or before == after == RunState.CANCELLING, states
        assert states[-1] == scenes.state(database, run_id)
    with database.read() as session:
        assert scenes.run(session, ids[0]).attempt > 0, "nothing happened: the walk is too short"
