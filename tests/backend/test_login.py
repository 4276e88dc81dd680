"""Logging in and out: what the cookie is and how it ends, and links that work once."""

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from backend.api import ended_stream
from backend.api.gate import Gate
from backend.app import create_app
from backend.broker import Broker
from backend.gate.codes import LIFE_SECONDS as CODE_SECONDS
from backend.gate.codes import MOST_CODES, LoginCodes
from backend.gate.cookies import LIFE_SECONDS, CookieSigner
from backend.gate.keys import THE_OPERATOR, Keys
from backend.queue import Bell
from backend.settings import Settings
from backend.store import tokens
from backend.store.session import Database
from tests.backend import clients
from tests.backend.test_api import NOBODY, message

COOKIE = "runyard_8420"
MONTH_SECONDS = 30 * 86400


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def make_app(settings: Settings, sqlite_database: Database) -> Callable[[], FastAPI]:
    """Makes the service, and makes it anew as a restart does: over the same store and settings."""
    return lambda: create_app(settings, sqlite_database, Bell(Broker(NOBODY)))


@pytest.fixture
def app(make_app: Callable[[], FastAPI]) -> FastAPI:
    return make_app()


def log_in(client: TestClient, **body: object):
    return client.post("/api/login", json=body)


def code_of(app: FastAPI) -> str:
    answer = clients.operator(app).post("/api/login-links")
    assert answer.status_code == 201
    return answer.json()["url"].partition("#")[2]


def test_a_token_is_exchanged_for_a_cookie_that_scripts_cannot_read(app: FastAPI) -> None:
    client = clients.anonymous(app)
    answer = log_in(client, token=clients.TOKEN)
    assert answer.json() == {"name": "operator", "role": "operator"}
    name, _, rest = answer.headers["set-cookie"].partition("=")
    parts = {part.strip().lower() for part in rest.split(";")[1:]}
    assert name == COOKIE
    assert parts == {"httponly", "samesite=strict", "path=/", f"max-age={MONTH_SECONDS}"}
    assert clients.TOKEN not in answer.headers["set-cookie"]
    assert client.get("/").status_code == 200


def test_the_cookie_is_secure_where_the_page_came_by_https(app: FastAPI) -> None:
    client = TestClient(app, base_url="https://127.0.0.1:9443")
    answer = log_in(client, token=clients.TOKEN)
    assert answer.headers["set-cookie"].startswith("runyard_9443=")
    assert "secure" in answer.headers["set-cookie"].lower()
    assert client.get("/api/runs").status_code == 200


def test_services_on_other_ports_have_cookies_of_their_own(app: FastAPI) -> None:
    value = clients.logged_in(app).cookies[COOKIE]
    elsewhere = TestClient(app, base_url="http://127.0.0.1:8421", cookies={COOKIE: value})
    assert elsewhere.get("/api/runs").status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"token": None},
        {"token": clients.TOKEN, "code": "x"},
        {"token": [clients.TOKEN]},
        {"token": {"is": clients.TOKEN}},
        {"tokne": clients.TOKEN},
        [clients.TOKEN],
        clients.TOKEN,
    ],
)
def test_a_malformed_login_is_refused_without_repeating_the_secret(app: FastAPI, body: object) -> None:
    client = clients.anonymous(app)
    answer = client.post("/api/login", json=body)
    assert answer.status_code == 422
    assert message(answer).startswith("The body must be ")
    assert clients.TOKEN not in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "token", ["", "wrong", clients.TOKEN[:-1], clients.TOKEN + "x", "x" * 100_000, "\ud800"]
)
def test_a_wrong_token_is_refused_in_a_sentence(app: FastAPI, token: str) -> None:
    client = clients.anonymous(app)
    body = json.dumps({"token": token})
    answer = client.post("/api/login", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (401, 422)
    assert message(answer).endswith(".")
    assert "set-cookie" not in answer.headers
    assert client.get("/api/runs").status_code == 401


def test_a_foreign_page_cannot_log_a_browser_in(app: FastAPI) -> None:
    client = clients.anonymous(app)
    crossed = {"Origin": "http://127.0.0.1:9999"}
    assert client.post("/api/login", json={"token": clients.TOKEN}, headers=crossed).status_code == 403
    form = {"Content-Type": "text/plain"}
    body = json.dumps({"token": clients.TOKEN})
    assert client.post("/api/login", content=body, headers=form).status_code == 415


def test_a_login_outlives_a_restart(make_app: Callable[[], FastAPI]) -> None:
    cookies = clients.logged_in(make_app()).cookies
    again = TestClient(make_app(), base_url=clients.ADDRESS, cookies=cookies)
    assert again.get("/api/runs").status_code == 200


def test_logging_out_takes_the_cookie_away(app: FastAPI) -> None:
    client = clients.logged_in(app)
    answer = client.post("/api/logout", headers={"Origin": clients.ADDRESS})
    assert answer.json() == {"logged_out": True}
    assert COOKIE not in client.cookies
    assert client.get("/api/runs").status_code == 401
    assert client.post("/api/logout", headers={"Origin": clients.ADDRESS}).status_code == 401


# --- what a cookie's value is ---------------------------------------------------------------------------------


def decoded(value: str) -> dict:
    said = value.partition(".")[0]
    return json.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))


def encoded(claim: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(claim, sort_keys=True).encode()).rstrip(b"=").decode()


def test_a_cookie_that_was_tampered_with_is_none(app: FastAPI) -> None:
    clients.add_token(app.state.database, "ada", clients.VIEWER_TOKEN)
    value = clients.logged_in(app, clients.VIEWER_TOKEN).cookies[COOKIE]
    said, _, signature = value.partition(".")
    raised = encoded({**decoded(value), "role": "operator"})
    as_operator = encoded({**decoded(value), "mark": None, "role": "operator"})
    longer = encoded({**decoded(value), "expires_at": decoded(value)["expires_at"] + 1})
    tampered = [
        *(f"{forged}.{signature}" for forged in (raised, as_operator, longer)),
        *(said, f"{said}.", f".{signature}", f"{said}.{signature[:-1]}", f"{said}.{signature}x", "."),
        *("", "\u00e9.\u00e9", "x" * 5000, f"{said}.{signature}.{signature}"),
    ]
    for forged in tampered:
        header = f"{COOKIE}={forged}".encode("latin-1")
        assert clients.anonymous(app).get("/api/runs", headers={"Cookie": header}).status_code == 401, forged
    assert clients.anonymous(app).get("/api/runs", headers={"Cookie": f"{COOKIE}={value}"}).is_success


def test_a_cookie_ends_with_its_time() -> None:
    clock = Clock()
    signer = CookieSigner("a" * 43, clock)
    value = signer.value("operator", "operator", None)
    clock.now += LIFE_SECONDS - 1
    assert signer.read(value) is not None
    clock.now += 2
    assert signer.read(value) is None


def test_a_cookie_of_another_operator_token_is_none() -> None:
    value = CookieSigner("a" * 43).value("operator", "operator", None)
    assert CookieSigner("a" * 43).read(value) is not None
    assert CookieSigner("b" * 43).read(value) is None


def test_a_cookie_lives_no_longer_than_its_token(app: FastAPI) -> None:
    clients.add_token(app.state.database, "ada", clients.VIEWER_TOKEN, life_seconds=3600)
    answer = log_in(clients.anonymous(app), token=clients.VIEWER_TOKEN)
    seconds = int(answer.headers["set-cookie"].lower().partition("max-age=")[2].partition(";")[0])
    assert 3500 < seconds <= 3600


@pytest.mark.parametrize("name", ["\U0001f600" * 100, '"' * 100, "\u00e9" * 100])
def test_a_token_of_the_longest_name_logs_in_and_is_let_in(app: FastAPI, name: str) -> None:
    clients.add_token(app.state.database, name, clients.VIEWER_TOKEN)
    client = clients.logged_in(app, clients.VIEWER_TOKEN)
    assert client.get("/api/runs").status_code == 200


def test_a_revoked_token_ends_its_cookies(app: FastAPI) -> None:
    database = app.state.database
    clients.add_token(database, "ada", clients.VIEWER_TOKEN)
    client = clients.logged_in(app, clients.VIEWER_TOKEN)
    assert client.get("/api/runs").status_code == 200
    with database.write() as session:
        assert tokens.revoke(session, "ada")
    assert client.get("/api/runs").status_code == 401
    assert client.get("/").status_code == 303
    # The name may be given again; the cookie was another token's.
    clients.add_token(database, "ada", "another-token-of-the-same-name-0123456789", role="operator")
    assert client.get("/api/runs").status_code == 401


def test_a_cookie_of_a_viewer_is_a_viewers(app: FastAPI) -> None:
    clients.add_token(app.state.database, "ada", clients.VIEWER_TOKEN)
    client = clients.logged_in(app, clients.VIEWER_TOKEN)
    ours = {"Origin": clients.ADDRESS}
    assert client.get("/api/runs").status_code == 200
    assert client.post("/api/launches", json={"preset": "softmax-original"}, headers=ours).status_code == 403
    assert client.post("/api/login-links", headers=ours).status_code == 403
    assert client.post("/api/logout", headers=ours).status_code == 200


# --- links that work once -------------------------------------------------------------------------------------


def test_a_link_logs_in_once(app: FastAPI) -> None:
    code = code_of(app)
    client = clients.anonymous(app)
    assert log_in(client, code=code).json() == {"name": "operator", "role": "operator"}
    assert client.get("/").status_code == 200
    again = log_in(clients.anonymous(app), code=code)
    assert again.status_code == 401
    assert "runyard login" in message(again)
    assert "set-cookie" not in again.headers


def test_a_link_names_the_address_it_was_asked_at_and_holds_its_code_in_the_fragment(app: FastAPI) -> None:
    answer = clients.operator(app).post("/api/login-links", headers={"Host": "localhost:8420"})
    address, _, code = answer.json()["url"].partition("#")
    assert address == "http://localhost:8420/login"
    assert len(base64.urlsafe_b64decode(code)) * 8 >= 128


def test_a_link_of_a_service_that_was_restarted_is_refused(make_app: Callable[[], FastAPI]) -> None:
    code = code_of(make_app())
    assert log_in(clients.anonymous(make_app()), code=code).status_code == 401


@pytest.mark.parametrize("code", ["", "x", "\u0000", "\ud800", "A" * 32, "A" * 100_000])
def test_a_made_up_code_is_refused(app: FastAPI, code: str) -> None:
    code_of(app)
    body = json.dumps({"code": code})
    answer = clients.anonymous(app).post(
        "/api/login", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (401, 422)
    assert "set-cookie" not in answer.headers


MAKER_TOKEN = "the-token-of-another-operator-0123456789"


def link_code(app: FastAPI, token: str) -> str:
    answer = clients.logged_in(app, token).post("/api/login-links", headers={"Origin": clients.ADDRESS})
    assert answer.status_code == 201
    return answer.json()["url"].partition("#")[2]


def test_a_link_logs_in_as_its_maker_and_no_longer_than_the_makers_token(app: FastAPI) -> None:
    database = app.state.database
    clients.add_token(database, "ada", MAKER_TOKEN, role="operator", life_seconds=3600)
    client = clients.anonymous(app)
    answer = log_in(client, code=link_code(app, MAKER_TOKEN))
    assert answer.json() == {"name": "ada", "role": "operator"}
    seconds = int(answer.headers["set-cookie"].lower().partition("max-age=")[2].partition(";")[0])
    assert 3500 < seconds <= 3600
    assert client.get("/api/runs").status_code == 200
    with database.write() as session:
        assert tokens.revoke(session, "ada")
    assert client.get("/api/runs").status_code == 401


def test_a_link_of_a_token_that_was_revoked_since_is_refused(app: FastAPI) -> None:
    clients.add_token(app.state.database, "ada", MAKER_TOKEN, role="operator")
    code = link_code(app, MAKER_TOKEN)
    with app.state.database.write() as session:
        assert tokens.revoke(session, "ada")
    answer = log_in(clients.anonymous(app), code=code)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_a_code_is_good_for_a_day() -> None:
    clock = Clock()
    codes = LoginCodes(clock)
    first, second = codes.make(THE_OPERATOR), codes.make(THE_OPERATOR)
    clock.now += CODE_SECONDS - 1
    assert codes.use(first)
    assert not codes.use(first)
    clock.now += 2
    assert not codes.use(second)
    assert CODE_SECONDS <= 86400


def test_codes_fill_no_memory_and_the_newest_are_kept() -> None:
    codes = LoginCodes()
    made = [codes.make(THE_OPERATOR) for _ in range(MOST_CODES + 5)]
    assert not codes.use(made[0])
    assert codes.use(made[-1])
    assert len(vars(codes)["_made"]) < MOST_CODES


def test_of_many_who_use_a_code_at_once_one_gets_in() -> None:
    codes = LoginCodes()
    for _ in range(20):
        code, start, let_in = codes.make(THE_OPERATOR), threading.Barrier(8), []

        def enter(code: str = code, start: threading.Barrier = start, let_in: list = let_in) -> None:
            start.wait()
            let_in.append(codes.use(code) is not None)

        threads = [threading.Thread(target=enter) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(let_in) == 1


# --- an open stream ------------------------------------------------------------------------------------------


def test_the_open_stream_of_a_revoked_token_ends(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ended_stream, "RECHECK_SECONDS", 0.05)
    clients.add_token(sqlite_database, "ada", clients.VIEWER_TOKEN)
    left = threading.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        async def ticks() -> AsyncIterator[str]:
            try:
                while True:
                    yield "data: tick\n\n"
                    await asyncio.sleep(0.01)
            finally:
                left.set()

        if scope["type"] == "http":
            await StreamingResponse(ticks(), media_type="text/event-stream")(scope, receive, send)

    with clients.serving(Gate(endless, Keys(clients.TOKEN, sqlite_database))) as port:
        _read_until_it_ends(port, sqlite_database)
        assert left.wait(5), "the app goes on for nobody"


def _read_until_it_ends(port: int, database: Database) -> None:
    headers = {"Authorization": f"Bearer {clients.VIEWER_TOKEN}"}
    with httpx.stream("GET", f"http://127.0.0.1:{port}/api/events", headers=headers, timeout=10) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "data: tick"
        for _ in range(30):  # past several looks at the token, which was good
            next(lines)
        with database.write() as session:
            assert tokens.revoke(session, "ada")
        for _ in lines:
            pass
