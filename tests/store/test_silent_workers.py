"""Workers that fall silent: late, stale, lost, forgotten; on both databases, by a clock that the tests set."""

import pytest

from backend.contract import RunState
from backend.errors import NotFound, WorkerStateConflict
from backend.store import attempts, clock, workers
from backend.store.session import Database
from backend.store.staleness import stale_runs
from backend.store.workers import Standing
from tests.store import scenes
from tests.store.test_workers_and_datasets import FACTS

LOST, LEASE = 15.0, 60.0
DAY = 24 * 3600.0


def now(database: Database) -> float:
    with database.read() as session:
        return clock.read_now(session)


def arrive(database: Database, name: str, at: float) -> None:
    """Register a worker as it was last heard of at a time."""
    with database.write() as session:
        session.info["clock"] = lambda: at
        workers.register(session, name, **FACTS)


def stands(database: Database, name: str, at: float) -> Standing:
    """Return how a worker stands at a time."""
    with database.read() as session:
        session.info["clock"] = lambda: at
        return next(one for one in workers.standings(session, LOST, LEASE) if one.worker.id == name)


def stale(database: Database, at: float) -> list[int]:
    with database.read() as session:
        session.info["clock"] = lambda: at
        return list(stale_runs(session, LOST, LEASE))


def test_an_idle_worker_is_late_before_it_is_lost_and_neither_once_it_beats(database: Database) -> None:
    arrive(database, "a", at=1000.0)
    assert [stands(database, "a", 1000.0 + age).state for age in (0, 7, 8, 15, 16)] == [
        *("idle", "idle", "stale", "stale", "lost")
    ]
    assert stands(database, "a", 1008).takes_runs
    assert not stands(database, "a", 1016).takes_runs
    with database.write() as session:
        session.info["clock"] = lambda: 1020.0
        assert workers.beat(session, "a", draining=False)
    assert stands(database, "a", 1021).state == "idle"


def test_a_silent_worker_that_has_a_run_is_stale_until_the_run_is_taken_from_it(database: Database) -> None:
    (run_id,) = scenes.launch(database)
    arrive(database, "a", at=1000.0)
    scenes.claim(database, "a", at=1000.0)
    assert stands(database, "a", 1005).state == "busy"
    silent = stands(database, "a", 1040)
    assert (silent.state, silent.takes_runs, silent.is_heard_of) == ("stale", False, False)
    assert silent.training
    assert silent.training.stale
    assert (silent.training.stale.heard_at, silent.training.stale.until) == (1000.0, 1060.0)
    assert stands(database, "a", 1070).state == "stale"  # nobody has taken it back yet
    assert scenes.expire_at(database, 1070.0) == 1
    lost = stands(database, "a", 1071)
    assert (lost.state, lost.training) == ("lost", None)
    assert lost.had
    assert (lost.had.run_id, lost.had.state) == (run_id, "queued")
    claimed = scenes.claim(database, "b", at=1075.0)
    lost = stands(database, "a", 1076)
    assert lost.had
    assert lost.had.state == "running"
    scenes.end(database, claimed, RunState.COMPLETED)
    lost = stands(database, "a", 1077)
    assert lost.had
    assert lost.had.state == "completed"


def test_a_worker_that_beats_is_stale_while_its_run_is_not_heard_of(database: Database) -> None:
    (run_id,) = scenes.launch(database)
    arrive(database, "a", at=1000.0)
    claimed = scenes.claim(database, "a", at=1000.0)
    with database.write() as session:
        session.info["clock"] = lambda: 1020.0
        workers.beat(session, "a", draining=False)
    assert (stands(database, "a", 1021).state, stale(database, 1021)) == ("stale", [run_id])
    assert stands(database, "a", 1021).takes_runs
    with database.write() as session:
        session.info["clock"] = lambda: 1022.0
        assert attempts.renew(session, run_id, claimed.attempt, "a", LEASE)
    assert (stands(database, "a", 1023).state, stale(database, 1023)) == ("busy", [])


def test_a_run_that_is_over_or_waits_is_never_stale(database: Database) -> None:
    _waits, _over = scenes.launch(database, 2)
    claimed = scenes.claim(database, "a", at=1000.0)
    scenes.end(database, claimed, RunState.COMPLETED)
    assert stale(database, 1e9) == []


def test_a_lost_worker_is_forgotten_and_comes_back_by_itself(database: Database) -> None:
    arrive(database, "a", at=now(database) - 100)
    with database.write() as session:
        workers.forget(session, "a", LOST)
        assert list(workers.everyone(session)) == []
        assert not workers.beat(session, "a", draining=False)  # by which it knows to register again
        workers.register(session, "a", **FACTS)
        assert [one.id for one in workers.everyone(session)] == ["a"]


def test_a_worker_that_is_here_or_has_a_run_cannot_be_forgotten(database: Database) -> None:
    scenes.launch(database)
    arrive(database, "here", at=now(database))
    arrive(database, "silent", at=now(database) - 100)
    scenes.claim(database, "silent")
    for name, state in (("here", "idle"), ("silent", "stale")):
        with (
            pytest.raises(WorkerStateConflict, match=f"'{name}' is {state}; it must be lost"),
            database.write() as session,
        ):
            workers.forget(session, name, LOST)
    with pytest.raises(NotFound, match="no worker 'nobody'"), database.write() as session:
        workers.forget(session, "nobody", LOST)


def test_a_worker_that_was_lost_a_day_ago_goes_by_itself(database: Database) -> None:
    arrive(database, "old", at=now(database) - DAY - 60)
    arrive(database, "new", at=now(database) - DAY - 30)  # whoever registers forgets those of a day before
    with database.write() as session:
        assert workers.beat(session, "new", draining=False)
        assert workers.forget_long_lost(session) == 1
        assert [one.id for one in workers.everyone(session)] == ["new"]


def test_a_drained_worker_is_never_forgotten_by_itself(database: Database) -> None:
    arrive(database, "old", at=now(database) - DAY - 60)
    with database.write() as session:
        workers.set_drain(session, "old", wanted=True)
        assert workers.forget_long_lost(session) == 0
        assert workers.everyone(session)[0].drain_requested
