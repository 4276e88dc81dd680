"""The protocol between runs and workers, on both databases."""

import threading
from itertools import pairwise
from random import Random

import pytest
from sqlalchemy.orm import Session

from backend.contract import LEGAL_MOVES, MAX_LOSSES, OWNED, Reason, RunState
from backend.store import attempts, clock, events, points, runs
from backend.store.attempts import Claimed
from backend.store.session import Database
from tests.store import scenes


def far_future(database: Database) -> float:
    with database.read() as session:
        return clock.read_now(session) + 10_000


def test_a_claim_takes_the_oldest_queued_run_and_raises_the_attempt(database: Database) -> None:
    first, second = scenes.launch(database, 2)
    claimed = scenes.claim(database)
    assert (claimed.run_id, claimed.attempt) == (first, 1)
    assert scenes.state(database, first) == RunState.RUNNING
    assert scenes.state(database, second) == RunState.QUEUED


def test_a_higher_priority_goes_before_age(database: Database) -> None:
    _first, second = scenes.launch(database, 2)
    with database.write() as session:
        scenes.run(session, second).priority = 1
    assert scenes.claim(database).run_id == second


def test_nothing_is_claimed_from_an_empty_queue(database: Database) -> None:
    with database.write() as session:
        assert attempts.claim(session, "worker-a", 60) is None


def test_many_workers_at_once_never_claim_one_run_twice(database: Database) -> None:
    wanted = scenes.launch(database, 12)
    claimed: list[int] = []
    start = threading.Barrier(6)

    def work(name: str) -> None:
        start.wait()
        while True:
            with database.write() as session:
                found = attempts.claim(session, name, 60)
            if found is None:
                return
            claimed.append(found.run_id)

    threads = [threading.Thread(target=work, args=(f"worker-{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == wanted


def test_the_owner_renews_and_another_does_not(database: Database) -> None:
    scenes.launch(database)
    claimed = scenes.claim(database)
    with database.write() as session:
        assert attempts.renew(session, claimed.run_id, claimed.attempt, claimed.owner, 60) is not None
        assert attempts.renew(session, claimed.run_id, claimed.attempt, "worker-b", 60) is None
        assert attempts.renew(session, claimed.run_id, claimed.attempt + 1, claimed.owner, 60) is None


def test_a_worker_that_comes_back_after_its_lease_writes_nothing(database: Database) -> None:
    scenes.launch(database)
    stale = scenes.claim(database, "worker-a")
    later = far_future(database)
    assert scenes.expire_at(database, later) == 1
    owner = scenes.claim(database, "worker-b", at=later)
    assert owner.attempt == stale.attempt + 1
    assert not scenes.report(database, stale, 1, {"test_acc": 0.9})
    assert not scenes.end(database, stale, RunState.COMPLETED)
    assert scenes.report(database, owner, 1, {"test_acc": 0.5})
    with database.read() as session:
        assert points.read(session, owner.run_id)["test_acc"].values == [0.5]


def test_a_live_lease_is_not_expired(database: Database) -> None:
    scenes.launch(database)
    scenes.claim(database)
    with database.write() as session:
        assert attempts.expire(session, backoff_seconds=0) == 0


def test_a_lost_run_waits_longer_each_time_and_fails_at_the_last_loss(database: Database) -> None:
    (run_id,) = scenes.launch(database)
    waits = []
    for _ in range(MAX_LOSSES):
        with database.write() as session:  # whatever the wait, it is over now
            scenes.run(session, run_id).not_before = 0.0
        scenes.claim(database)
        time = far_future(database)
        assert scenes.expire_at(database, time, backoff_seconds=3.0) == 1
        with database.read() as session:
            waits.append(max(0.0, scenes.run(session, run_id).not_before - time))
    assert waits == pytest.approx([3.0, 6.0, 0.0])
    with database.read() as session:
        run = scenes.run(session, run_id)
        assert (run.state, run.reason, run.losses) == (RunState.FAILED, Reason.WORKER_LOST, MAX_LOSSES)
        assert [a.reason for a in runs.attempts(session, run_id)] == [Reason.WORKER_LOST] * MAX_LOSSES


def test_a_run_that_gets_ahead_is_forgiven_its_losses(database: Database) -> None:
    (run_id,) = scenes.launch(database)
    for number in range(1, 2 * MAX_LOSSES):
        claimed = scenes.claim(database)
        scenes.report(
            database, claimed, number, {"test_acc": 0.1}, {"epoch": number, "name": "x", "sha256": "0"}
        )
        with database.write() as session:
            attempts.lose(session, run_id, claimed.attempt, claimed.owner, "gone", backoff_seconds=0)
    assert scenes.state(database, run_id) == RunState.QUEUED


def test_a_run_that_goes_on_is_told_which_content_it_began_with(database: Database) -> None:
    scenes.launch(database)
    first = scenes.claim(database)
    assert first.data_hash is None
    scenes.report(database, first, 1, {"test_acc": 0.1}, {"epoch": 1, "name": "x", "sha256": "0"})
    with database.write() as session:
        attempts.describe(session, first.run_id, first.attempt, {"data_hash": "abc"})
        attempts.lose(session, first.run_id, first.attempt, first.owner, "gone", backoff_seconds=0)
    assert scenes.claim(database).data_hash == "abc"


def test_a_run_that_waits_after_a_loss_is_not_claimed_early(database: Database) -> None:
    scenes.launch(database)
    lost = scenes.claim(database)
    with database.write() as session:
        assert attempts.lose(session, lost.run_id, lost.attempt, lost.owner, "gone", backoff_seconds=3600)
    with database.write() as session:
        assert attempts.claim(session, "worker-b", 60) is None


def test_the_next_attempt_rewinds_to_the_checkpoint(database: Database) -> None:
    scenes.launch(database)
    first = scenes.claim(database)
    pointer = {"epoch": 2, "name": "attempt-1-epoch-2", "sha256": "0" * 64}
    scenes.report(database, first, 1, {"test_acc": 0.1})
    scenes.report(database, first, 2, {"test_acc": 0.4}, pointer)
    scenes.report(database, first, 3, {"test_acc": 0.9})
    later = far_future(database)
    scenes.expire_at(database, later)
    second = scenes.claim(database, at=later)
    assert second.checkpoint == pointer
    with database.read() as session:
        assert points.read(session, second.run_id)["test_acc"].epochs == [1, 2]
        summary = scenes.run(session, second.run_id).summary
        assert summary is not None
        assert (summary["epoch"], summary["best_test_acc"]) == (2, 0.4)
    assert scenes.kinds(database, second.run_id)[-2:] == ["rewind", "state"]
    assert scenes.report(database, second, 3, {"test_acc": 0.9})


def test_without_a_checkpoint_the_next_attempt_starts_at_the_beginning(database: Database) -> None:
    scenes.launch(database)
    first = scenes.claim(database)
    scenes.report(database, first, 1, {"test_acc": 0.1})
    later = far_future(database)
    scenes.expire_at(database, later)
    second = scenes.claim(database, at=later)
    assert second.checkpoint is None
    with database.read() as session:
        assert points.read(session, second.run_id) == {}


def test_an_epoch_told_twice_is_stored_once(database: Database) -> None:
    scenes.launch(database)
    claimed = scenes.claim(database)
    assert scenes.report(database, claimed, 1, {"test_acc": 0.1})
    assert scenes.report(database, claimed, 1, {"test_acc": 0.1})
    assert scenes.kinds(database, claimed.run_id).count("epoch") == 1


def test_a_value_that_is_no_number_is_kept_as_data(database: Database) -> None:
    scenes.launch(database)
    claimed = scenes.claim(database)
    metrics = {"train_loss": float("nan"), "test_loss": float("-inf"), "test_acc": 0.1}
    assert scenes.report(database, claimed, 1, metrics)
    with database.read() as session:
        series = points.read(session, claimed.run_id)
    assert (series["train_loss"].values, series["train_loss"].nonfinite) == ([None], {1: "nan"})
    assert series["test_loss"].nonfinite == {1: "-inf"}
    assert series["test_acc"].nonfinite == {}


@pytest.mark.parametrize("final", [RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED])
def test_a_run_ends_once(database: Database, final: RunState) -> None:
    scenes.launch(database)
    claimed = scenes.claim(database)
    assert scenes.end(database, claimed, final)
    assert not scenes.end(database, claimed, RunState.COMPLETED)
    assert not scenes.report(database, claimed, 1, {"test_acc": 0.5})
    with database.write() as session:
        assert not attempts.cancel(session, claimed.run_id)
    assert scenes.state(database, claimed.run_id) == final


def test_a_queued_run_is_cancelled_at_once(database: Database) -> None:
    (run_id,) = scenes.launch(database)
    with database.write() as session:
        assert attempts.cancel(session, run_id)
    assert scenes.state(database, run_id) == RunState.CANCELLED
    with database.write() as session:
        assert attempts.claim(session, "worker-a", 60) is None


def test_a_running_run_is_told_to_stop_and_stays_until_its_process_is_gone(database: Database) -> None:
    scenes.launch(database)
    claimed = scenes.claim(database)
    with database.write() as session:
        assert attempts.cancel(session, claimed.run_id)
        assert attempts.cancel(session, claimed.run_id)  # asking twice changes nothing
    assert scenes.state(database, claimed.run_id) == RunState.CANCELLING
    with database.write() as session:
        renewed = attempts.renew(session, claimed.run_id, claimed.attempt, claimed.owner, 60)
    assert renewed is not None
    assert renewed.cancel_requested
    assert scenes.end(database, claimed, RunState.CANCELLED)


def test_a_worker_lost_while_cancelling_leaves_a_cancelled_run(database: Database) -> None:
    scenes.launch(database)
    claimed = scenes.claim(database)
    with database.write() as session:
        attempts.cancel(session, claimed.run_id)
    assert scenes.expire_at(database, far_future(database)) == 1
    assert scenes.state(database, claimed.run_id) == RunState.CANCELLED


def test_a_drain_puts_the_run_back_without_counting_a_loss(database: Database) -> None:
    scenes.launch(database)
    claimed = scenes.claim(database)
    with database.write() as session:
        assert attempts.release(session, claimed.run_id, claimed.attempt, claimed.owner)
    with database.read() as session:
        run = scenes.run(session, claimed.run_id)
        assert (run.state, run.losses, run.owner) == (RunState.QUEUED, 0, None)
    assert scenes.claim(database).attempt == claimed.attempt + 1


def test_a_drain_of_a_run_that_was_cancelled_ends_it(database: Database) -> None:
    scenes.launch(database)
    claimed = scenes.claim(database)
    with database.write() as session:
        attempts.cancel(session, claimed.run_id)
    with database.write() as session:
        assert attempts.release(session, claimed.run_id, claimed.attempt, claimed.owner)
    assert scenes.state(database, claimed.run_id) == RunState.CANCELLED


def test_a_run_is_cancelled_whatever_its_worker_does_in_that_moment(database: Database) -> None:
    """Between a look at the queue and one at the owners a run could slip through; one statement sees it in any place."""
    for _ in range(10):
        scenes.launch(database)
        claimed = scenes.claim(database)
        start, granted = threading.Barrier(2), []

        def leave(start: threading.Barrier = start, claimed: Claimed = claimed) -> None:
            start.wait()
            with database.write() as session:
                attempts.release(session, claimed.run_id, claimed.attempt, claimed.owner)

        def cancel(
            start: threading.Barrier = start, granted: list = granted, run_id: int = claimed.run_id
        ) -> None:
            start.wait()
            with database.write() as session:
                granted.append(attempts.cancel(session, run_id))

        threads = [threading.Thread(target=leave), threading.Thread(target=cancel)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert granted == [True]
        assert scenes.state(database, claimed.run_id) == RunState.CANCELLED


def test_leases_and_waits_that_reach_too_far_ahead_are_shortened(database: Database) -> None:
    running, lost = scenes.launch(database, 2)
    scenes.claim(database)
    with database.read() as session:
        now = clock.read_now(session)
    with database.write() as session:  # as if the clock had been set back by an hour
        scenes.run(session, running).lease_until = now + 3600
        scenes.run(session, lost).not_before = now + 3600
    with database.write() as session:
        assert attempts.cap_waits(session, lease_seconds=60, backoff_seconds=2) == 2
    with database.write() as session:
        assert attempts.cap_waits(session, lease_seconds=60, backoff_seconds=2) == 0
        assert (scenes.run(session, running).lease_until or 0) < now + 100
        assert scenes.run(session, lost).not_before < now + 100


@pytest.mark.parametrize("seed", range(12))
def test_a_run_only_makes_legal_moves_whatever_happens_to_it(database: Database, seed: int) -> None:
    random = Random(seed)
    (run_id,) = scenes.launch(database)
    held: list[Claimed] = []
    time = far_future(database)
    for step in range(40):
        time += 100
        session: Session
        with database.write() as session:
            session.info["clock"] = lambda time=time: time
            old = random.choice(held) if held else None
            match random.choice(["claim", "renew", "finish", "release", "lose", "expire", "cancel"]):
                case "claim":
                    claimed = attempts.claim(session, f"worker-{step}", random.choice([50, 500]))
                    held += [claimed] if claimed else []
                case "expire":
                    attempts.expire(session, backoff_seconds=1)
                case "cancel" if random.random() < 0.2:
                    attempts.cancel(session, run_id)
                case "renew" if old:
                    attempts.renew(session, run_id, old.attempt, old.owner, 500)
                case "finish" if old and random.random() < 0.3:
                    final = random.choice([RunState.COMPLETED, RunState.FAILED])
                    attempts.finish(session, run_id, old.attempt, old.owner, final)
                case "release" if old:
                    attempts.release(session, run_id, old.attempt, old.owner)
                case "lose" if old and random.random() < 0.3:
                    attempts.lose(session, run_id, old.attempt, old.owner, "gone", backoff_seconds=1)
    with database.read() as session:
        seen = [e.payload for e in events.after(session, 0, run_id=run_id) if e.kind == "state"]
        ended = [a for a in runs.attempts(session, run_id) if a.ended_at is not None]
        run = scenes.run(session, run_id)
    states = [RunState(payload["state"]) for payload in seen]
    for before, after in pairwise(states):
        assert after in LEGAL_MOVES[before] or before == after == RunState.CANCELLING, states
    numbers = [payload["attempt"] for payload in seen]
    assert numbers == sorted(numbers)
    assert states[-1] == run.state
    assert (run.owner is None) == (run.state not in OWNED)
    assert len(ended) == run.attempt - (run.state in OWNED)
    assert len(states) > 1, "nothing happened: the walk is too short"
