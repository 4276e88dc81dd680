"""Leases are expired only by those who were awake."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.orm import Session

from backend.contract import RunState
from backend.store.leases import LeaseWatch
from backend.store.session import Database
from tests.store import scenes


class Ticks:
    """A watch whose own clock, and that of the database, the test sets."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._now = 0.0
        self._watch = LeaseWatch(60, 0, interval_seconds=20, clock=lambda: self._now)

    def at(self, now: float, told: float | None = None) -> int:
        """Tick at a time of our own, while the database tells `told`."""
        self._now = now
        with patched_clock(1000.0 + (now if told is None else told)):
            return self._watch.tick(self._database)


@contextmanager
def patched_clock(time: float) -> Iterator[None]:
    """Let every session of this thread tell a time of the test's."""

    def tell(session: Session, *_: object) -> None:
        session.info["clock"] = lambda: time

    event.listen(Session, "after_transaction_create", tell)
    try:
        yield
    finally:
        event.remove(Session, "after_transaction_create", tell)


def lost_run(database: Database) -> int:
    (run_id,) = scenes.launch(database)
    scenes.claim(database)
    with database.write() as session:
        scenes.run(session, run_id).lease_until = 1.0  # long ago
    return run_id


def test_a_watcher_that_ticked_for_a_whole_lease_expires(sqlite_database: Database) -> None:
    run_id = lost_run(sqlite_database)
    ticks = Ticks(sqlite_database)
    assert [ticks.at(time) for time in (0, 20, 40, 60)] == [0, 0, 0, 1]
    assert scenes.state(sqlite_database, run_id) == RunState.QUEUED


def test_a_watcher_that_slept_waits_for_another_lease(sqlite_database: Database) -> None:
    run_id = lost_run(sqlite_database)
    ticks = Ticks(sqlite_database)
    assert sum(ticks.at(time) for time in (0, 20, 40, 7000, 7020, 7040)) == 0
    assert scenes.state(sqlite_database, run_id) == RunState.RUNNING


def test_a_clock_that_was_set_ahead_expires_nothing_at_once(sqlite_database: Database) -> None:
    run_id = lost_run(sqlite_database)
    ticks = Ticks(sqlite_database)
    assert [ticks.at(time) for time in (0, 20, 40)] == [0, 0, 0]
    assert [ticks.at(time, told=time + 3600) for time in (60, 80, 100)] == [0, 0, 0]
    assert scenes.state(sqlite_database, run_id) == RunState.RUNNING
    assert ticks.at(120, told=120 + 3600) == 1
