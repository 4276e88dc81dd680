"""The live stream: one thread reads the database, and every open page gets what it read.

Stored events carry a cursor, so a page that comes back misses none of them. Progress within an epoch is
not stored: it is told as it is seen, at most twice a second a run.
"""

import asyncio
import contextlib
import json
import math
import threading
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from backend.api.wire import iso
from backend.loops import Pulse, surviving
from backend.store import events, logs, runs
from backend.store.session import Database
from backend.store.tables import Run

POLL_SECONDS = 0.2
PROGRESS_SECONDS = 0.5
LONGEST_CATCH_UP = 5_000
"""A page that missed more events than this loads everything again instead."""
LONGEST_BUFFER = 2_000
QUIET_SECONDS = 12.0
"""A page hears something at least as often: proxies end a silent connection, and its token is looked at by then."""


@dataclass(frozen=True)
class Message:
    """One message to a page. `id` is None for what is told but not stored."""

    kind: str
    data: dict[str, Any]
    id: int | None = None

    @cached_property
    def wire(self) -> dict[str, Any]:
        """The data as it is told: with times as text, and null for what is no number."""
        told: dict[str, Any] = {
            name: None if _is_no_number(value) else value for name, value in self.data.items()
        }
        if "at" in told:
            told["at"] = iso(told["at"])
        return told

    @cached_property
    def text(self) -> str:
        """The same as JSON, made once however many pages hear it: for each of them it took most of a message's time."""
        return json.dumps(self.wire)

    def as_event(self, place: str | None) -> str:
        """Return it as an event of a stream; `place` is its cursor. One line of data, as JSON holds no line break."""
        told = self._head if place is None else f"{self._head}id: {place}\n"
        return f"{told}\n"

    @cached_property
    def _head(self) -> str:
        return f"event: {self.kind}\ndata: {self.text}\n"


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

    async def heard(self) -> list[Message | None]:
        """Wait for messages and return all that are there; none after QUIET_SECONDS without any."""
        try:
            heard = [await asyncio.wait_for(self.queue.get(), QUIET_SECONDS)]
        except TimeoutError:
            return []
        while not self.queue.empty():
            heard.append(self.queue.get_nowait())
        return heard


class Stream:
    """Reads the database all the time, and hands on what is new.

    What lies before a page's subscription reaches it by its own reading (`_missed`), what comes after it by the
    thread; what both saw is told once, by its id.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._subscribers: set[Subscriber] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._cursor = 0
        self._log_cursors: dict[int, int] = {}
        self._told: dict[int, tuple[float, Any]] = {}
        self.pulse = Pulse()
        self.thread = threading.Thread(target=self._run, name="stream", daemon=True)

    def start(self) -> None:
        """Begin to read. Before the first subscription: else an event could lie between the two."""
        self._cursor = self._last_id()
        self.thread.start()

    def close(self) -> None:
        """End every open stream, so that the server can stop."""
        self._closed.set()
        self._send(None)

    def join(self) -> None:
        """Wait, after `close`, until the thread reads no more: the database may then be closed."""
        self.thread.join(timeout=5)

    async def follow(
        self, after: int | None, run_id: int | None, log_after: int
    ) -> AsyncIterator[list[Message]]:
        """Yield what has happened since event `after` (None: a cursor of another store), then what happens.

        What is told in one moment comes together; an empty list says that there was nothing for some seconds.
        """
        subscriber = Subscriber(asyncio.get_running_loop(), run_id)
        self._add(subscriber)
        try:
            if after is None:
                yield [RESET]
                after = await run_in_threadpool(self._last_id)
            missed = await run_in_threadpool(self._missed, after, run_id)
            if missed is None:
                missed = [RESET]
            if missed:
                after = max(after, *(message.id or 0 for message in missed))
                yield missed
            line = log_after
            while run_id is not None and (lines := await run_in_threadpool(self._log_lines, run_id, line)):
                line = lines[-1].data["line"]
                yield lines
            async for messages in _live(subscriber, after, line):
                yield messages
        finally:
            with self._lock:
                self._subscribers.discard(subscriber)

    def since(self, after: int | None, run_id: int | None, log_after: int) -> tuple[list[Message], int]:
        """Return at once what `follow` would yield of the past, how far the running ones are, and the last event's id."""
        last = self._last_id()
        missed = None if after is None else self._missed(after, run_id)
        told = [RESET] if missed is None else missed
        if run_id is not None:
            told = [*told, *self._log_lines(run_id, log_after)]
        with self._database.read() as session:
            active = [run for run in runs.owned(session) if run.progress is not None]
        progress = [Message("progress", {"run": run.id, **(run.progress or {})}) for run in active]
        place = max([last, *(message.id or 0 for message in told)])
        return [*told, *(message for message in progress if _concerns(message, run_id))], place

    def _add(self, subscriber: Subscriber) -> None:
        with self._lock:
            self._subscribers.add(subscriber)
            if self._closed.is_set():
                subscriber.queue.put_nowait(None)

    def _last_id(self) -> int:
        with self._database.read() as session:
            return events.last_id(session)

    def _missed(self, after: int, run_id: int | None) -> list[Message] | None:
        with self._database.read() as session:
            if run_id is not None:
                # Before the page reads its lines: what comes behind this place is told by the thread.
                newest = logs.last_line(session, run_id)
                with self._lock:
                    self._log_cursors.setdefault(run_id, newest)
            found = events.after(session, after, limit=LONGEST_CATCH_UP + 1, run_id=run_id)
            if len(found) > LONGEST_CATCH_UP or after > events.last_id(session):
                return None
        return [_message(event) for event in found]

    def _log_lines(self, run_id: int, after: int) -> list[Message]:
        with self._database.read() as session:
            return _log_messages(session, run_id, after)

    def _run(self) -> None:
        while not self._closed.wait(POLL_SECONDS):
            with surviving("stream"):
                self._poll()
                self.pulse.beat()

    def _poll(self) -> None:
        with self._database.read() as session:
            fresh = events.after(session, self._cursor)
            for event in fresh:
                self._send(_message(event))
                self._cursor = event.id
            if not fresh and (last := events.last_id(session)) < self._cursor:
                # A backup was restored below us: ids have moved back.
                self._cursor = last
                self._send(RESET)
            active = runs.owned(session) if self._subscribers else []
            self._tell_progress(active)
            self._tell_logs(session)

    def _tell_progress(self, active: Sequence[Run]) -> None:
        now = time.monotonic()
        self._told = {run.id: self._told[run.id] for run in active if run.id in self._told}
        for run in active:
            at, last = self._told.get(run.id, (0.0, None))
            if run.progress is None or run.progress == last or now - at < PROGRESS_SECONDS:
                continue
            self._told[run.id] = (now, run.progress)
            self._send(Message("progress", {"run": run.id, **run.progress}))

    def _tell_logs(self, session: Session) -> None:
        with self._lock:
            watched = {subscriber.run_id for subscriber in self._subscribers}
            self._log_cursors = {run_id: at for run_id, at in self._log_cursors.items() if run_id in watched}
            cursors = dict(self._log_cursors)
        for run_id, after in cursors.items():
            for message in _log_messages(session, run_id, after):
                self._send(message)
                with self._lock:
                    self._log_cursors[run_id] = message.data["line"]

    def _send(self, message: Message | None) -> None:
        with self._lock:
            for subscriber in self._subscribers:
                if message is None or _concerns(message, subscriber.run_id):
                    with contextlib.suppress(RuntimeError):  # its event loop has just ended
                        subscriber.loop.call_soon_threadsafe(subscriber.put, message)


async def _live(subscriber: Subscriber, after: int, line: int) -> AsyncIterator[list[Message]]:
    """Yield what comes to a page, but not what it was told already: events up to `after`, log lines up to `line`."""
    ends = False
    while not ends:
        heard = await subscriber.heard()
        ends = None in heard or subscriber.overflowed
        news = [
            message
            for message in heard
            if message is not None
            and (message.id is None or message.id > after)
            and (message.kind != "log" or message.data["line"] > line)
        ]
        if subscriber.overflowed:
            news.append(RESET)
        if news or not heard:
            yield news


def _is_no_number(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _concerns(message: Message, run_id: int | None) -> bool:
    """Return whether a page hears a message: those of one run hear of it alone, and only they its log."""
    if message is RESET:
        return True
    if run_id is None:
        return message.kind != "log"
    return message.data["run"] == run_id


def _log_messages(session: Session, run_id: int, after: int) -> list[Message]:
    return [
        Message("log", {"run": run_id, "line": x.line, "at": x.at, "text": x.text})
        for x in logs.read(session, run_id, after)
    ]


def _message(event: events.StoredEvent) -> Message:
    return Message(event.kind, {"run": event.run_id, "at": event.at, **event.payload}, event.id)
