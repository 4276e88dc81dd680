"""GET /api/events: Server-Sent Events, resumable by cursor."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from backend.api.deps import LARGEST_INTEGER, DatabaseDep, StreamDep
from backend.api.problems import RESPONSES
from backend.api.wire import cursor, iso
from backend.store import events, runs
from backend.store.session import Database

router = APIRouter(tags=["events"])


def _known_run(
    database: DatabaseDep, run: Annotated[int | None, Query(ge=1, le=LARGEST_INTEGER)] = None
) -> int | None:
    """Refuse an unknown run before the stream begins: afterwards it is too late for a 404."""
    if run is not None:
        with database.read() as session:
            runs.get(session, run)
    return run


@router.get("/api/events", response_class=EventSourceResponse, responses=RESPONSES)
async def follow(
    database: DatabaseDep,
    stream: StreamDep,
    run: Annotated[int | None, Depends(_known_run)],
    after: Annotated[str | None, Query(max_length=100)] = None,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
    log_after: Annotated[int, Query(ge=0, le=LARGEST_INTEGER)] = 0,
) -> AsyncIterator[ServerSentEvent]:
    """Stream what happens to all runs, or with `run` to one (then with its log lines past `log_after`).

    A browser that reconnects sends Last-Event-ID by itself; that counts before `after`.
    """
    store = _store_id(database)
    place = _place(last_event_id or after, store)
    async for message in stream.follow(place, run, log_after):
        data = dict(message.data)
        if "at" in data:
            data["at"] = iso(data["at"])
        yield ServerSentEvent(
            event=message.kind,
            data=data,
            id=None if message.id is None else cursor(store, message.id),
        )


def _store_id(database: Database) -> str:
    with database.read() as session:
        return events.store_id(session)


def _place(text: str | None, store: str) -> int | None:
    """Return the event id of a cursor; None where it is of another store, or is none."""
    if text is None:
        return None
    name, _, number = text.rpartition("-")
    return int(number) if name == store and number.isdecimal() and len(number) < 17 else None
