"""Asking an application within this process, byte for byte: also what no client library would send."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote

from fastapi import FastAPI

from tests.backend.clients import ADDRESS
from tests.conftest import TOKEN

HOST = ADDRESS.removeprefix("http://")
ALWAYS = ((b"host", HOST.encode()), (b"authorization", f"Bearer {TOKEN}".encode()))
STREAM = "text/event-stream"


@dataclass(frozen=True)
class Question:
    """A request. `path` and `query` are as they stand on the line: percent-encoded ASCII."""

    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes | None = None
    content_type: str | None = "application/json"
    says_length: bool = True

    def all_headers(self) -> list[tuple[bytes, bytes]]:
        told = [*ALWAYS, *self.headers]
        if self.body is not None and self.content_type is not None:
            told.append((b"content-type", self.content_type.encode()))
        if self.body is not None:
            length = (b"content-length", str(len(self.body)).encode())
            told.append(length if self.says_length else (b"transfer-encoding", b"chunked"))
        return told

    def __str__(self) -> str:
        body = "" if self.body is None else f" {self.body[:200]!r}"
        more = f" {self.headers!r}"[:200] if self.headers else ""
        return f"{self.method} {self.path[:200]}{'?' if self.query else ''}{self.query[:200]}{more}{body}"


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Asker:
    """Asks one application, whose own threads run meanwhile. Made by `asking`."""

    def __init__(self, app: FastAPI, runner: asyncio.Runner) -> None:
        self._app = app
        self._runner = runner
        self.asked = 0

    def ask(self, question: Question) -> Answer:
        """Return the answer; of a stream that never ends, its beginning. What the application raises is raised."""
        self.asked += 1
        return self._runner.run(self._ask(question))

    async def _ask(self, question: Question) -> Answer:
        exchange = _Exchange(question)
        task = asyncio.create_task(self._app(exchange.scope(), exchange.receive, exchange.send))
        endless = asyncio.create_task(exchange.endless.wait())
        done, _ = await asyncio.wait({task, endless}, return_when=asyncio.FIRST_COMPLETED)
        for one in {task, endless} - done:
            one.cancel()
        results = await asyncio.gather(task, endless, return_exceptions=True)
        if isinstance(results[0], Exception):
            raise results[0]
        return exchange.answer


@contextmanager
def asking(app: FastAPI) -> Iterator[Asker]:
    """Yield what asks an application, which is started before and stopped afterwards."""
    with asyncio.Runner() as runner:
        life = app.router.lifespan_context(app)
        runner.run(life.__aenter__())
        try:
            yield Asker(app, runner)
        finally:
            runner.run(life.__aexit__(None, None, None))


class _Exchange:
    """One request and its answer, as a server hands them to an application."""

    def __init__(self, question: Question) -> None:
        self.answer = Answer()
        self.endless = asyncio.Event()
        self._question = question
        self._parts = iter(_parts(question.body or b""))

    def scope(self) -> dict[str, object]:
        host, _, port = HOST.partition(":")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self._question.method,
            "scheme": "http",
            "path": unquote(self._question.path),  # as uvicorn has it
            "raw_path": self._question.path.encode("ascii"),
            "root_path": "",
            "query_string": self._question.query.encode("ascii"),
            "headers": self._question.all_headers(),
            "client": ("127.0.0.1", 50000),
            "server": (host, int(port)),
        }

    async def receive(self) -> dict[str, object]:
        part = next(self._parts, None)
        if part is None:
            await asyncio.Event().wait()  # the client stays until it has its answer
        body, more = part or (b"", False)
        return {"type": "http.request", "body": body, "more_body": more}

    async def send(self, message: dict) -> None:
        if message["type"] == "http.response.start":
            self.answer.status = message["status"]
            self.answer.headers = {
                name.decode("latin-1"): v.decode("latin-1") for name, v in message["headers"]
            }
            if self.answer.headers.get("content-type", "").startswith(STREAM):
                self.endless.set()
        else:
            self.answer.body += message.get("body", b"")


def _parts(body: bytes, size: int = 1 << 18) -> Iterable[tuple[bytes, bool]]:
    """Return a body in pieces, each with whether more come."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)] or [b""]
    return [(piece, number < len(pieces)) for number, piece in enumerate(pieces, 1)]
