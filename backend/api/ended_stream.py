"""A live stream ends when the token that opened it is no longer good: it may have begun days before."""

import time
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import Message, Send

RECHECK_SECONDS = 15.0
"""A stream says something at least as often, so that of a revoked token ends within half a minute."""


def ending_stream(send: Send, is_good: Callable[[], bool]) -> Send:
    """Return a `send` that ends a stream of events once `is_good`, which may ask the database, says no.

    Other answers are short, or (downloads) of a length that was promised.
    """
    look_at, is_stream, is_over = time.monotonic() + RECHECK_SECONDS, False, False

    async def ends_now() -> bool:
        nonlocal look_at
        if not is_stream or time.monotonic() < look_at:
            return False
        look_at = time.monotonic() + RECHECK_SECONDS
        return not await run_in_threadpool(is_good)

    async def write(message: Message) -> None:
        nonlocal is_stream, is_over
        if message["type"] == "http.response.start":
            kind = Headers(raw=message["headers"]).get("content-type", "")
            is_stream = kind.startswith("text/event-stream")
        if is_over:
            return  # the server is about to tell the app that its client is gone
        is_over = await ends_now()
        await send({"type": "http.response.body", "body": b"", "more_body": False} if is_over else message)

    return write
