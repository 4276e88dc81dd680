"""Leases are expired only by those who were awake."""

from backend.contract import RunState
from backend.store.leases import LeaseWatch
from backend.store.session import Database
from tests.store import scenes


def watch_of(times: list[float]) -> LeaseWatch:
    clock = iter(times)
    return LeaseWatch(lease_seconds=60, backoff_seconds=0, interval_seconds=20, clock=lambda: next(clock))


def lost_run(database: Database) -> int:
    (run_id,) = scenes.launch(database)
    scenes.claim(database)
    with database.write() as session:
        scenes.run(session, run_id).lease_until = 1.0  # long ago
    return run_id


def test_a_watcher_that_ticked_for_a_whole_lease_expires(sqlite_database: Database) -> None:
    run_id = lost_run(sqlite_database)
    watch = watch_of([0, 20, 40, 60])
    assert [watch.tick(sqlite_database) for _ in range(4)] == [0, 0, 0, 1]
    assert scenes.state(sqlite_database, run_id) == RunState.QUEUED


def test_a_watcher_that_slept_waits_for_another_lease(sqlite_database: Database) -> None:
    run_id = lost_run(sqlite_database)
    watch = watch_of([0, 20, 40, 7000, 7020, 7040])
    assert sum(watch.tick(sqlite_database) for _ in range(6)) == 0
    assert scenes.state(sqlite_database, run_id) == RunState.RUNNING
