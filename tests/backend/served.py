"""The service really served, on a port where the command line finds it; it can go away and come back."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from typer.testing import CliRunner

from backend.app import create_app
from backend.broker import Broker
from backend.cli.commands import app as commands
from backend.client import Client
from backend.processes import wait_until
from backend.queue import Bell
from backend.settings import Settings
from backend.store.session import Database
from tests.backend import clients
from tests.conftest import TOKEN
from tests.servers import free_port

NOBODY = "redis://127.0.0.1:1/0"


class Served:
    """A service over a database. Each `start` makes a new one on the same port, as after a restart."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.port = free_port()
        self.looks = 0
        """How often somebody asked what is new."""
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.app = create_app(self.settings, self.database, Bell(Broker(NOBODY)))
        config = uvicorn.Config(self, port=self.port, log_config=None, ws="none", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        assert wait_until(lambda: self._server and self._server.started, limit_seconds=20)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.looks += scope.get("path") == "/api/events/since"
        await self.app(scope, receive, send)

    def stop(self) -> None:
        if self._server is None or self._thread is None:
            return
        self.app.state.stream.close()  # as backend.main does: else the server waits for its open streams
        self._server.should_exit = True
        self._thread.join()
        self._server = self._thread = None


@contextmanager
def serving(settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Serve; the command line and clients find the service and its token."""
    service = Served(settings, database)
    monkeypatch.setenv("RUNYARD_PORT", str(service.port))
    clients.found_by_client(monkeypatch)
    service.start()
    try:
        yield service
    finally:
        service.stop()


def client_of(service: Served) -> Client:
    return Client(service.address, token=TOKEN)


def run(*arguments: object, stdin: str | None = None) -> tuple[int, str, str]:
    """Run a command; return its exit code, and what it wrote to standard output and standard error."""
    done = CliRunner().invoke(commands, [str(argument) for argument in arguments], input=stdin)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def run_json(*arguments: object) -> Any:
    """Run a command with --json that must go well; return what it printed."""
    status, said, problems = run(*arguments, "--json")
    assert (status, problems) == (0, ""), said + problems
    return json.loads(said)


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def put_checkpoint(settings: Settings, run_id: int, name: str, content: bytes) -> Path:
    """Write the weights of a checkpoint where a worker of this machine would."""
    path = settings.runs_folder / str(run_id) / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
