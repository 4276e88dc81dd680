"""The live stream: what was missed is told first, then what happens; a foreign cursor starts over."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from backend.api.stream import Message, Stream
from backend.store import attempts
from backend.store.session import Database
from tests.store import scenes

LIMIT_SECONDS = 10
T = TypeVar("T")


@pytest.fixture
def stream(sqlite_database: Database) -> Iterator[Stream]:
    opened = Stream(sqlite_database)
    opened.start()
    yield opened
    opened.close()


def in_a_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run in a loop of its own thread: a browser test may have left one running in this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def each(told: AsyncIterator[list[Message]]) -> AsyncIterator[Message]:
    async for messages in told:
        for message in messages:
            yield message


async def take(messages: AsyncIterator[Message], count: int) -> list[Message]:
    async with asyncio.timeout(LIMIT_SECONDS):
        return [await anext(messages) for _ in range(count)]


def test_a_page_hears_what_it_missed_and_then_what_happens(stream: Stream, sqlite_database: Database) -> None:
    scenes.launch(sqlite_database)

    async def page() -> list[Message]:
        messages = each(stream.follow(0, None, 0))
        heard = await take(messages, 1)
        claimed = await asyncio.to_thread(scenes.claim, sqlite_database)
        await asyncio.to_thread(scenes.report, sqlite_database, claimed, 1, {"test_acc": 0.5})
        return heard + await take(messages, 2)

    heard = in_a_loop(page())
    assert [message.kind for message in heard] == ["state", "state", "epoch"]
    ids = [message.id for message in heard]
    assert ids == sorted(ids)  # type: ignore[type-var]
    assert heard[2].data["metrics"] == {"test_acc": 0.5}


def test_a_cursor_of_another_store_starts_over(stream: Stream, sqlite_database: Database) -> None:
    scenes.launch(sqlite_database)

    async def page() -> list[Message]:
        return await take(each(stream.follow(None, None, 0)), 1)

    assert [message.kind for message in in_a_loop(page())] == ["reset"]


def test_progress_and_log_lines_of_one_run_are_told_to_its_page(
    stream: Stream, sqlite_database: Database
) -> None:
    (run_id,) = scenes.launch(sqlite_database)

    async def page() -> set[str]:
        messages = each(stream.follow(0, run_id, 0))
        await take(messages, 1)
        claimed = await asyncio.to_thread(scenes.claim, sqlite_database)
        with sqlite_database.write() as session:
            attempts.renew(session, run_id, claimed.attempt, claimed.owner, 60, {"epoch": 1, "step": 2})
        return {message.kind for message in await take(messages, 2)}

    assert in_a_loop(page()) == {"state", "progress"}


def test_closing_ends_every_stream(stream: Stream) -> None:
    async def page() -> list[Message]:
        heard = []
        async with asyncio.timeout(LIMIT_SECONDS):
            messages = each(stream.follow(0, None, 0))
            asyncio.get_running_loop().call_later(0.05, stream.close)
            heard.extend([message async for message in messages])
        return heard

    assert in_a_loop(page()) == []


def test_a_page_that_reads_no_more_is_dropped_and_told_to_load_again(sqlite_database: Database) -> None:
    from backend.api import stream as module

    async def page() -> tuple[int, bool]:
        subscriber = module.Subscriber(asyncio.get_running_loop(), None)
        for _ in range(module.LONGEST_BUFFER + 10):
            subscriber.put(Message("progress", {}))
        return subscriber.queue.qsize(), subscriber.overflowed

    size, overflowed = in_a_loop(page())
    assert overflowed
    assert size <= module.LONGEST_BUFFER + 1


def test_a_page_that_asks_is_told_at_once_what_is_new(stream: Stream, sqlite_database: Database) -> None:
    (run_id,) = scenes.launch(sqlite_database)
    told, place = stream.since(0, None, 0)
    assert [message.kind for message in told] == ["state"]
    assert stream.since(place, None, 0) == ([], place)
    claimed = scenes.claim(sqlite_database)
    scenes.report(sqlite_database, claimed, 1, {"test_acc": 0.5})
    told, later = stream.since(place, run_id, 0)
    assert [message.kind for message in told] == ["state", "epoch"]
    assert later > place
    assert stream.since(later, run_id, 0) == ([], later)


def test_a_page_that_asks_with_a_cursor_of_another_store_starts_over(
    stream: Stream, sqlite_database: Database
) -> None:
    scenes.launch(sqlite_database)
    told, place = stream.since(None, None, 0)
    assert [message.kind for message in told] == ["reset"]
    assert stream.since(place, None, 0) == ([], place)


def test_a_message_is_told_with_its_time_as_text_and_null_for_what_is_no_number() -> None:
    message = Message(
        "progress", {"run": 1, "at": 0.0, "seconds_left": math.inf, "images_per_second": 2.5}, 7
    )
    assert json.loads(message.text) == {
        "run": 1,
        "at": "1970-01-01T00:00:00.000Z",
        "seconds_left": None,
        "images_per_second": 2.5,
    }
