"""The cursor on Postgres: why an id alone is no cursor, and what makes it one.

Ids are given when a row is written, not when it is committed. Two connections, each with its own thread, make the
interleaving that random writers seldom meet.
"""

import threading
from collections.abc import Iterator
from random import Random

import pytest
from sqlalchemy import text

from backend.contract import EventKind
from backend.processes import wait_until
from backend.store import events
from backend.store.session import Database
from tests.servers import TestPostgres
from tests.store import scenes

pytestmark = [pytest.mark.postgres, pytest.mark.thorough]

WRITERS = 6
EACH = 40
LIMIT_SECONDS = 60.0


@pytest.fixture
def database(postgres: TestPostgres) -> Iterator[Database]:
    opened = Database(postgres.emptied_database())
    yield opened
    opened.dispose()


class Follower:
    """Reads on from the last id that it saw, as the service does for its pages."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.cursor = 0
        self.seen: list[int] = []

    def look(self) -> int:
        """Return how many events were new."""
        with self._database.read() as session:
            fresh = events.after(session, self.cursor)
        self.seen += [event.id for event in fresh]
        if fresh:
            self.cursor = fresh[-1].id
        return len(fresh)


class SlowWriter:
    """A transaction in a thread of its own that has written its event and has not committed yet."""

    def __init__(self, database: Database, run_id: int) -> None:
        self._database = database
        self._run_id = run_id
        self._may_commit = threading.Event()
        self.has_written = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> "SlowWriter":
        self._thread.start()
        assert self.has_written.wait(LIMIT_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self.commit()

    def commit(self) -> None:
        self._may_commit.set()
        self._thread.join()

    def _write(self) -> None:
        with self._database.write() as session:
            events.record(session, self._run_id, EventKind.EPOCH, {"epoch": 1})
            # What a commit begins with; then the transaction is held open at the very moment before its end.
            events.append_pending(session)
            self.has_written.set()
            assert self._may_commit.wait(LIMIT_SECONDS)


def write(database: Database, run_id: int, epoch: int) -> None:
    with database.write() as session:
        events.record(session, run_id, EventKind.EPOCH, {"epoch": epoch})


def stored(database: Database) -> list[int]:
    with database.read() as session:
        return [event.id for event in events.after(session, 0, limit=10_000)]


def somebody_waits_for_the_lock(database: Database) -> bool:
    waiting = text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = :key"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    with database.read() as session:
        return session.execute(waiting, {"key": events.APPEND_LOCK}).scalar_one() > 0


def test_a_writer_waits_for_one_that_took_an_id_before_it(database: Database) -> None:
    first, second = scenes.launch(database, 2)
    follower = Follower(database)
    follower.look()
    other = threading.Thread(target=write, args=(database, second, 1))
    with SlowWriter(database, first) as slow:
        other.start()
        assert wait_until(lambda: somebody_waits_for_the_lock(database), LIMIT_SECONDS)
        assert follower.look() == 0, "a later id was committed before an earlier one"
        slow.commit()
        other.join()
    assert follower.look() == 2
    assert follower.seen == stored(database)


def test_without_the_lock_a_follower_goes_past_an_event_and_never_sees_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = scenes.launch(database, 2)
    follower = Follower(database)
    follower.look()
    monkeypatch.setattr(events, "_LOCK", text("SELECT 1"))
    with SlowWriter(database, first) as slow:
        write(database, second, 1)
        assert follower.look() == 1
        slow.commit()
    assert follower.look() == 0
    missed = set(stored(database)) - set(follower.seen)
    assert len(missed) == 1
    assert missed.pop() < follower.cursor


def test_a_follower_of_many_writers_sees_every_event_once_and_in_order(database: Database) -> None:
    run_ids = scenes.launch(database, WRITERS)
    done = threading.Event()
    follower = Follower(database)
    looks = 0

    def work(run_id: int) -> None:
        random = Random(run_id)
        for number in range(EACH):
            with database.write() as session:
                for _ in range(random.randint(1, 3)):
                    events.record(session, run_id, EventKind.EPOCH, {"epoch": number})
                if random.random() < 0.2:  # one that fails leaves a hole in the ids, which is no gap
                    events.append_pending(session)
                    session.rollback()

    def follow() -> None:
        nonlocal looks
        while True:
            was_done = done.is_set()
            fresh = follower.look()
            looks += bool(fresh)
            if was_done and not fresh:
                return

    writers = [threading.Thread(target=work, args=(run_id,)) for run_id in run_ids]
    reader = threading.Thread(target=follow)
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    everything = stored(database)
    assert len(everything) > WRITERS * EACH
    assert looks > 10, "the reader was not there while they wrote"
    assert follower.seen == everything == sorted(set(everything))
