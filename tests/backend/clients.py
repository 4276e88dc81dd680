"""Clients for tests of the API: logged in as operator, as viewer, or not at all.

Every fixture that makes a TestClient makes it here: `operator(create_app(...))`. A test that speaks to a real service
by the command line or by `backend.client.Client` starts it with `serving`, and lets them find the token by
`found_by_client`. All of it over the `settings` of tests/conftest.py, which give the operator's token.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from backend.gate.keys import hash_and_prefix
from backend.processes import wait_until
from backend.store import tokens
from backend.store.session import Database
from tests.conftest import TOKEN
from tests.servers import free_port

ADDRESS = "http://127.0.0.1:8420"
VIEWER_TOKEN = "a-viewer's-token-for-tests-0123456789"


def operator(app: FastAPI) -> TestClient:
    """Return a client that may do everything. As a context manager it runs the service's threads."""
    return TestClient(app, base_url=ADDRESS, headers={"Authorization": f"Bearer {TOKEN}"})


def anonymous(app: FastAPI) -> TestClient:
    """Return a client without any login."""
    return TestClient(app, base_url=ADDRESS, follow_redirects=False)


def logged_in(app: FastAPI, token: str = TOKEN) -> TestClient:
    """Return a client with the login cookie of a token, as a browser has it."""
    client = anonymous(app)
    answer = client.post("/api/login", json={"token": token})
    assert answer.status_code == 200, answer.text
    return client


def viewer(app: FastAPI) -> TestClient:
    """Return a client that may look; its token is stored first where it is not there yet."""
    add_token(app.state.database, "viewer", VIEWER_TOKEN)
    return TestClient(app, base_url=ADDRESS, headers={"Authorization": f"Bearer {VIEWER_TOKEN}"})


def add_token(
    database: Database, name: str, token: str, role: str = "viewer", life_seconds: float | None = None
) -> None:
    digest, prefix = hash_and_prefix(token)
    with database.write() as session:
        tokens.create(session, name=name, prefix=prefix, sha256=digest, role=role, life_seconds=life_seconds)


def found_by_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command line and `backend.client.Client` find the operator's token of the tests."""
    monkeypatch.setenv("RUNYARD_TOKEN", TOKEN)


@contextmanager
def serving(app: ASGIApp) -> Iterator[int]:
    """Serve an app on a free port of the loopback; yield the port."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert wait_until(lambda: server.started, limit_seconds=20)
        yield port
    finally:
        server.should_exit = True
        thread.join()
