"""The live stream: one thread reads the database, and every open page gets what it read.

Stored events carry a cursor, so a page that comes back misses none of them. Progress within an epoch is
not stored: it is told as it is seen, at most twice a second a run.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool

from backend.store import events, logs, runs
from backend.store.session import Database

log = structlog.get_logger()

POLL_SECONDS = 0.2
PROGRESS_SECONDS = 0.5
LONGEST_CATCH_UP = 5_000
"""A page that missed more events than this loads everything again instead."""
LONGEST_BUFFER = 2_000


@dataclass(frozen=True)
class Message:
    """One message to a page. `id` is None for what is told but not stored."""

    kind: str
    data: dict[str, Any]
    id: int | None = None


RESET = Message("reset", {})


@dataclass(eq=False)
class Subscriber:
    """One open page: a queue that only its event loop touches."""

    loop: asyncio.AbstractEventLoop
    run_id: int | None
    queue: asyncio.Queue[Message | None] = field(default_factory=asyncio.Queue)
    overflowed: bool = False

    def put(self, message: Message | None) -> None:
        if self.queue.qsize() > LONGEST_BUFFER:
            self.overflowed = True  # a page that reads no more must not fill the memory
            return
        self.queue.put_nowait(message)


class Stream:
    """Reads the database while anyone listens, and hands on what is new."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._subscribers: set[Subscriber] = set()
        self._lock = threading.Lock()
        self._someone = threading.Event()
        self._closed = False
        self._cursor = 0
        self._told: dict[int, tuple[float, Any]] = {}
        self._thread = threading.Thread(target=self._run, name="stream", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End every open stream, so that the server can stop."""
        self._closed = True
        self._someone.set()
        self._send(None)

    async def follow(self, after: int | None, run_id: int | None, log_after: int) -> AsyncIterator[Message]:
        """Yield what has happened since event `after` (None: a cursor of another store), then what happens."""
        subscriber = Subscriber(asyncio.get_running_loop(), run_id)
        self._add(subscriber)
        try:
            if after is None:
                yield RESET
                after = await run_in_threadpool(self._last_id)
            missed = await run_in_threadpool(self._missed, after, run_id)
            if missed is None:
                yield RESET
                missed = []
            for message in missed:
                after = max(after, message.id or 0)
                yield message
            log_line = log_after
            if run_id is not None:
                for message in await run_in_threadpool(self._log_lines, run_id, log_line):
                    log_line = message.data["line"]
                    yield message
            while (message := await subscriber.queue.get()) is not None:
                if message.kind == "log" and message.data["line"] <= log_line:
                    continue
                if message.id is not None and message.id <= after:
                    continue
                yield message
                if subscriber.overflowed:
                    yield RESET
                    return
        finally:
            with self._lock:
                self._subscribers.discard(subscriber)

    def _add(self, subscriber: Subscriber) -> None:
        with self._lock:
            self._subscribers.add(subscriber)
            if self._closed:
                subscriber.queue.put_nowait(None)
        self._someone.set()

    def _last_id(self) -> int:
        with self._database.read() as session:
            return events.last_id(session)

    def _missed(self, after: int, run_id: int | None) -> list[Message] | None:
        with self._database.read() as session:
            found = events.after(session, after, limit=LONGEST_CATCH_UP + 1, run_id=run_id)
            if len(found) > LONGEST_CATCH_UP or after > events.last_id(session):
                return None
        return [_message(event) for event in found]

    def _log_lines(self, run_id: int, after: int) -> list[Message]:
        with self._database.read() as session:
            lines = logs.read(session, run_id, after)
        return [Message("log", {"run": run_id, "line": x.line, "at": x.at, "text": x.text}) for x in lines]

    def _run(self) -> None:
        while not self._closed:
            if not self._subscribers:
                self._someone.clear()
                self._someone.wait()
                self._start_reading()
            with contextlib.suppress(DBAPIError):
                self._poll()
            time.sleep(POLL_SECONDS)

    def _start_reading(self) -> None:
        # Nobody listened: what lies before belongs to the catch-up of each page.
        with contextlib.suppress(DBAPIError):
            self._cursor = self._last_id()
        self._log_cursors: dict[int, int] = {}

    def _poll(self) -> None:
        with self._database.read() as session:
            fresh = events.after(session, self._cursor)
            active = runs.owned(session)
            for event in fresh:
                self._send(_message(event))
                self._cursor = event.id
            for run in active:
                self._tell_progress(run.id, run.progress)
            self._tell_logs(session, {event.run_id for event in fresh} | {run.id for run in active})

    def _tell_progress(self, run_id: int, progress: dict[str, Any] | None) -> None:
        at, last = self._told.get(run_id, (0.0, None))
        now = time.monotonic()
        if progress is None or progress == last or now - at < PROGRESS_SECONDS:
            return
        self._told[run_id] = (now, progress)
        self._send(Message("progress", {"run": run_id, **progress}))

    def _tell_logs(self, session: Any, changed: set[int]) -> None:
        with self._lock:
            wanted = {s.run_id for s in self._subscribers if s.run_id in changed}
        for run_id in wanted:
            assert run_id is not None
            for x in logs.read(session, run_id, self._log_cursors.get(run_id, 0)):
                self._send(Message("log", {"run": run_id, "line": x.line, "at": x.at, "text": x.text}))
                self._log_cursors[run_id] = x.line

    def _send(self, message: Message | None) -> None:
        with self._lock:
            for subscriber in self._subscribers:
                about = None if message is None else message.data.get("run")
                if message is None or subscriber.run_id in (None, about):
                    if message is not None and message.kind == "log" and subscriber.run_id is None:
                        continue
                    with contextlib.suppress(RuntimeError):  # its event loop has just ended
                        subscriber.loop.call_soon_threadsafe(subscriber.put, message)


def _message(event: events.StoredEvent) -> Message:
    return Message(event.kind, {"run": event.run_id, "at": event.at, **event.payload}, event.id)
