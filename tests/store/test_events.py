"""The cursor: a reader that goes on from the last id it saw misses nothing."""

import threading
import time

import pytest

from backend.contract import EventKind
from backend.store import events
from backend.store.session import Database
from tests.store import scenes


def test_events_come_in_order_and_go_on_from_a_cursor(database: Database) -> None:
    (run_id,) = scenes.launch(database)
    scenes.claim(database)
    with database.read() as session:
        seen = events.after(session, 0)
        assert [event.payload["state"] for event in seen] == ["queued", "running"]
        assert events.after(session, seen[0].id) == seen[1:]
        assert events.last_id(session) == seen[-1].id
        assert {event.run_id for event in seen} == {run_id}


def test_an_event_is_written_with_its_transaction_or_not_at_all(database: Database) -> None:
    (run_id,) = scenes.launch(database)
    with pytest.raises(RuntimeError), database.write() as session:
        events.record(session, run_id, EventKind.STATE, {"state": "imagined"})
        raise RuntimeError("the process dies here")
    assert scenes.kinds(database, run_id) == ["state"]


def test_a_follower_misses_no_event_of_concurrent_writers(database: Database) -> None:
    ids = scenes.launch(database, 4)
    per_writer, writers = 40, 4
    done = threading.Event()
    seen: list[int] = []

    def write(run_id: int) -> None:
        for number in range(per_writer):
            with database.write() as session:
                events.record(session, run_id, EventKind.EPOCH, {"epoch": number})

    def follow() -> None:
        cursor, last_round = 0, False
        while True:
            last_round = done.is_set()
            with database.read() as session:
                fresh = events.after(session, cursor)
            seen.extend(event.id for event in fresh)
            cursor = fresh[-1].id if fresh else cursor
            if last_round and not fresh:
                return
            time.sleep(0.001)  # no condition to wait for: lets the writers have the interpreter

    follower = threading.Thread(target=follow)
    threads = [threading.Thread(target=write, args=(run_id,)) for run_id in ids]
    follower.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    follower.join()
    with database.read() as session:
        stored = [event.id for event in events.after(session, 0)]
    assert len(stored) == 4 + per_writer * writers
    assert seen == stored
