"""GET /api/events: Server-Sent Events, resumable by cursor; /api/events/since: the same at once, for a page that asks."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from starlette.responses import StreamingResponse

from backend.api.deps import LARGEST_INTEGER, DatabaseDep, StreamDep
from backend.api.problems import RESPONSES
from backend.api.stream import Message
from backend.api.wire import Wire, cursor
from backend.store import events, runs

router = APIRouter(tags=["events"])


class EventStream(StreamingResponse):
    """Not FastAPI's own: its events are checked and put together anew for each page that hears them."""

    media_type = "text/event-stream"


UNBUFFERED = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""What keeps a proxy from holding a stream back."""


class EventWire(Wire):
    kind: str
    data: dict[str, Any]
    id: str | None
    """Its place in the stream; null for what is told but not stored."""


class EventsWire(Wire):
    events: list[EventWire]
    cursor: str


def _known_run(
    database: DatabaseDep, run: Annotated[int | None, Query(ge=1, le=LARGEST_INTEGER)] = None
) -> tuple[int | None, str]:
    """Return the run and the id of the store; refuse an unknown run before the stream begins, while it can be 404.

    A plain function, so that it runs in a thread: the database may make it wait.
    """
    with database.read() as session:
        if run is not None:
            runs.get(session, run)
        return run, events.store_id(session)


@router.get("/api/events", response_class=EventStream, responses=RESPONSES)
def follow(
    stream: StreamDep,
    known: Annotated[tuple[int | None, str], Depends(_known_run)],
    after: Annotated[str | None, Query(max_length=100)] = None,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
    log_after: Annotated[int, Query(ge=0, le=LARGEST_INTEGER)] = 0,
) -> EventStream:
    """Stream what happens to all runs, or with `run` to one (then with its log lines past `log_after`).

    A browser that reconnects sends Last-Event-ID by itself; that counts before `after`.
    """
    run, store = known
    place = _place(last_event_id or after, store)
    return EventStream(_written(stream.follow(place, run, log_after), store), headers=UNBUFFERED)


@router.get("/api/events/since", responses=RESPONSES)
def since(
    stream: StreamDep,
    known: Annotated[tuple[int | None, str], Depends(_known_run)],
    after: Annotated[str, Query(max_length=100)],
    log_after: Annotated[int, Query(ge=0, le=LARGEST_INTEGER)] = 0,
) -> EventsWire:
    """Return what happened since a cursor, and end: for pages beyond the few of a browser that hold a stream."""
    run, store = known
    messages, last = stream.since(_place(after, store), run, log_after)
    told = [EventWire(kind=one.kind, data=one.wire, id=_cursor(one, store)) for one in messages]
    return EventsWire(events=told, cursor=cursor(store, last))


async def _written(told: AsyncIterator[list[Message]], store: str) -> AsyncIterator[bytes]:
    async for messages in told:
        if messages:
            yield "".join(message.as_event(_cursor(message, store)) for message in messages).encode()
        else:
            yield b": nothing new\n\n"


def _cursor(message: Message, store: str) -> str | None:
    return None if message.id is None else cursor(store, message.id)


def _place(text: str | None, store: str) -> int | None:
    """Return the event id of a cursor; None where it is of another store, or is none."""
    if text is None:
        return None
    name, _, number = text.rpartition("-")
    return int(number) if name == store and number.isdecimal() and len(number) < 17 else None
