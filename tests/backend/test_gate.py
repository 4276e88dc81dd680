"""The gate stands in front of everything: each route and method, without a login, with a bad one, as viewer, as operator."""

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from backend.app import create_app
from backend.broker import Broker
from backend.queue import Bell
from backend.settings import Settings
from backend.store.session import Database
from tests.backend import clients
from tests.backend.test_api import NOBODY, launch, message

# Who may ask for a route: everybody, whoever is logged in, or operators alone. A route that is not here fails the test.
EVERYBODY = {
    "GET /api/health",
    "GET /api/ready",
    "GET /login",
    "POST /api/login",
    "GET /favicon.ico",
    "GET /vendor/plotly.js",
    "GET /vendor/plotly-{wanted}.min.js",
    "GET /static",
}
LOGGED_IN = {
    "GET /",
    "GET /compare",
    "GET /launch",
    "GET /report",
    "GET /runs/{run_id}",
    "GET /workers",
    "GET /api/compare",
    "GET /api/compare/curves",
    "GET /api/compare/models",
    "GET /api/compare/pair",
    "GET /api/compare/export",
    "GET /api/compare/points",
    "GET /api/datasets",
    "GET /api/events",
    "GET /api/events/since",
    "GET /api/models",
    "GET /api/models/{arch}/nodes",
    "GET /api/openapi.json",
    "GET /api/own-reports",
    "GET /api/own-reports/{report_id}",
    "GET /api/presets",
    "GET /api/queue",
    "GET /api/recipes",
    "GET /api/reference-templates/{format}",
    "GET /api/references",
    "GET /api/references/{name}",
    "GET /api/reports",
    "GET /api/reports/{name}",
    "GET /api/reports/{name}/export",
    "GET /api/runs",
    "GET /api/runs/{run_id}",
    "GET /api/runs/{run_id}/checkpoint",
    "GET /api/runs/{run_id}/checkpoints",
    "GET /api/runs/{run_id}/figures",
    "GET /api/runs/{run_id}/findings",
    "GET /api/findings/rules",
    "GET /api/runs/{run_id}/log",
    "GET /api/runs/{run_id}/mistakes",
    "GET /api/runs/{run_id}/notebook",
    "GET /api/runs/{run_id}/output",
    "GET /api/runs/{run_id}/points",
    "GET /api/runs/{run_id}/predictions",
    "GET /api/runs/{run_id}/series",
    "GET /api/runs/{run_id}/series/values",
    "GET /api/status",
    "GET /api/test-images/{test_set}/{number}.png",
    "GET /api/weights",
    "GET /api/workers",
    "POST /api/launches/preview",
    "POST /api/logout",
}
OPERATORS = {
    "POST /api/launches",
    "POST /api/login-links",
    "POST /api/own-reports",
    "POST /api/own-reports/{report_id}/edit",
    "POST /api/references",
    "DELETE /api/own-reports/{report_id}",
    "DELETE /api/references/{name}",
    "POST /api/queue/move",
    "POST /api/queue/pause",
    "POST /api/queue/resume",
    "POST /api/reports/{name}/launch",
    "POST /api/runs/{run_id}/cancel",
    "POST /api/runs/{run_id}/priority",
    "POST /api/runs/{run_id}/resume",
    "POST /api/runs/{run_id}/retry",
    "POST /api/workers/drain",
    "POST /api/workers/forget",
    "DELETE /api/runs/{run_id}",
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
READING = ("GET", "HEAD")
REFUSED = {401, 403, 303}


@pytest.fixture
def app(settings: Settings, sqlite_database: Database) -> FastAPI:
    return create_app(settings, sqlite_database, Bell(Broker(NOBODY)))


@pytest.fixture
def visitors(app: FastAPI) -> dict[str, TestClient]:
    bad = clients.anonymous(app)
    bad.headers["Authorization"] = "Bearer a-token-that-nobody-ever-made-0123456789"
    return {
        "none": clients.anonymous(app),
        "bad": bad,
        "viewer": clients.viewer(app),
        "operator": clients.operator(app),
    }


def routes_of(routes: list[BaseRoute]) -> Iterator[tuple[str, set[str]]]:
    """Yield each path with its methods, through mounts and included routers; an unknown kind of route has neither."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from routes_of(included.routes)
        elif isinstance(route, Mount):
            assert not route.routes, f"what is mounted at {route.path} has routes of its own"
            yield route.path, {"GET"}
        else:
            yield route.path, set(route.methods)  # pyright: ignore


def paths_of(app: FastAPI) -> set[str]:
    return {path for path, _ in routes_of(app.routes)}


def an_example(path: str) -> str:
    """Return an address of a route: of nothing that is there, and for the stream one that is refused at once."""
    if path == "/static":
        return "/static/tokens.css"
    return re.sub(r"\{\w+\}", "1", path) + ("?run=0" if path.startswith("/api/events") else "")


def test_the_table_names_each_route_and_no_other(app: FastAPI) -> None:
    named = EVERYBODY | LOGGED_IN | OPERATORS
    there = {f"{method} {path}" for path, methods in routes_of(app.routes) for method in methods - {"HEAD"}}
    assert there == named


def expected(visitor: str, method: str, path: str) -> set[int] | None:
    """Return how a visitor is refused; None where the request is let through, to whatever answer."""
    route = f"{'GET' if method == 'HEAD' else method} {path}"
    if route in EVERYBODY or visitor == "operator":
        return None
    if visitor == "none" and method in READING and not path.startswith("/api/"):
        return {303}
    if visitor in ("none", "bad"):
        return {401}
    return None if method in READING or route in LOGGED_IN else {403}


@pytest.mark.parametrize("visitor", ["none", "bad", "viewer", "operator"])
def test_each_route_and_method_lets_through_whom_the_table_names(
    app: FastAPI, visitors: dict[str, TestClient], visitor: str
) -> None:
    wrong = []
    for path in [*paths_of(app), "/nowhere", "/api/nowhere", "/static/nowhere.css", "/login/", "//api/runs"]:
        for method in METHODS:
            if path == "/static/nowhere.css" and method in READING:
                continue  # below an open folder: 404 for everybody
            answer = visitors[visitor].request(
                method, clients.ADDRESS + an_example(path), follow_redirects=False
            )
            refused = expected(visitor, method, path)
            right = answer.status_code in refused if refused else answer.status_code not in REFUSED
            if not right:
                wrong.append(f"{method} {path} for {visitor}: {answer.status_code}")
            # The threads of this app were not started: it is not ready, and says so to everybody.
            assert answer.status_code < 500 or path == "/api/ready", f"{method} {path}: {answer.text}"
    assert wrong == []


def test_what_is_not_there_looks_like_what_is_without_a_login(app: FastAPI) -> None:
    with clients.anonymous(app) as nobody:
        for there, nowhere in (("/api/runs", "/api/nowhere"), ("/api/runs/1", "/api/runs/1/nowhere")):
            first, second = nobody.get(there), nobody.get(nowhere)
            assert (first.status_code, first.text) == (second.status_code, second.text)


def test_a_page_without_a_login_leads_to_the_login_and_back(app: FastAPI) -> None:
    nobody = clients.anonymous(app)
    answer = nobody.get("/runs/5?tab=log&q=a b")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Fruns%2F5%3Ftab%3Dlog%26q%3Da%2520b"
    assert (
        nobody.get(f"{clients.ADDRESS}//evil.example/").headers["location"]
        == "/login?next=%2F%2Fevil.example%2F"
    )


def test_an_api_without_a_login_says_how_to_log_in(app: FastAPI) -> None:
    answer = clients.anonymous(app).get("/api/runs")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["error"]["kind"] == "NotLoggedIn"
    assert "runyard login" in message(answer)


def test_a_viewer_is_told_why_nothing_changes(app: FastAPI) -> None:
    launch(clients.operator(app))
    viewer = clients.viewer(app)
    assert viewer.get("/api/runs").json()["runs"][0]["state"] == "queued"
    answer = viewer.post("/api/runs/1/cancel")
    assert (answer.status_code, answer.json()["error"]["kind"]) == (403, "NotAllowed")
    assert "operator" in message(answer)
    assert viewer.get("/api/runs/1").json()["state"] == "queued"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Bearer {token}", 200),
        ("bearer {token}", 200),
        ("BEARER   {token}", 200),
        ("Bearer {token}x", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Bearer \u00e9" * 40, 401),
        ("Basic {token}", 401),
        ("{token}", 401),
        ("", 401),
    ],
)
def test_the_header_must_be_a_bearer_with_the_token(app: FastAPI, header: str, status: int) -> None:
    value = header.format(token=clients.TOKEN).encode("latin-1")
    answer = clients.anonymous(app).get("/api/runs", headers={"Authorization": value})
    assert answer.status_code == status


def test_a_wrong_bearer_is_refused_although_the_cookie_is_good(app: FastAPI) -> None:
    client = clients.logged_in(app)
    assert client.get("/api/runs").status_code == 200
    answer = client.get("/api/runs", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert client.get("/", headers={"Authorization": "bearer wrong"}).status_code == 401


# --- where a request comes from ------------------------------------------------------------------------------


CANCEL = "/api/runs/1/cancel"
OURS = clients.ADDRESS


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": OURS}, 404),
        ({"Origin": OURS, "Sec-Fetch-Site": "same-origin"}, 404),
        ({}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:8421"}, 403),
        ({"Origin": "http://localhost:8420"}, 403),
        ({"Origin": "http://127.0.0.1:8420.evil.example"}, 403),
        ({"Origin": OURS, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": OURS, "Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_a_change_by_cookie_must_come_from_our_own_pages(
    app: FastAPI, headers: dict[str, str], status: int
) -> None:
    assert clients.logged_in(app).post(CANCEL, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 404), ({"Origin": OURS}, 404), ({"Origin": "null"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403)],
)
def test_a_program_with_a_token_need_not_say_where_it_comes_from(
    app: FastAPI, headers: dict[str, str], status: int
) -> None:
    assert clients.operator(app).post(CANCEL, headers=headers).status_code == status


def test_reading_by_cookie_needs_no_origin(app: FastAPI) -> None:
    assert clients.logged_in(app).get("/api/runs").status_code == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_body_that_a_foreign_form_can_send_is_refused(app: FastAPI, kind: str) -> None:
    answer = clients.operator(app).post(
        "/api/launches", content=b'{"preset": "softmax-original"}', headers={"Content-Type": kind}
    )
    assert answer.status_code == 415
    assert "application/json" in message(answer)
    assert clients.operator(app).get("/api/runs").json()["runs"] == []


def test_json_may_name_its_encoding(app: FastAPI) -> None:
    answer = clients.operator(app).post(
        "/api/launches",
        content=b'{"preset": "softmax-original", "overrides": {"dataset": {"name": "shapes"}}}',
        headers={"Content-Type": "Application/JSON; charset=utf-8"},
    )
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8420", 200),
        ("localhost:8420", 200),
        ("LOCALHOST", 200),
        ("[::1]:8420", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example:8420", 400),
        ("evil.example:127.0.0.1", 400),
        ("user@127.0.0.1:8420", 400),
        ("127.0.0.1:http", 400),
        ("127.0.0.1:8420/", 400),
        ("0.0.0.0:8420", 400),
        ("", 400),
    ],
)
def test_only_our_own_names_are_answered(app: FastAPI, host: str, status: int) -> None:
    assert clients.operator(app).get("/api/runs", headers={"Host": host}).status_code == status
    assert clients.anonymous(app).get("/login", headers={"Host": host}).status_code == status


def test_further_names_are_those_of_the_settings(settings: Settings, sqlite_database: Database) -> None:
    named = settings.model_copy(update={"host": "0.0.0.0", "hosts": "lab-7.example,10.1.2.3"})
    client = clients.operator(create_app(named, sqlite_database, Bell(Broker(NOBODY))))
    for host, status in (("lab-7.example:8420", 200), ("Lab-7.Example", 200), ("10.1.2.3:80", 200)):
        assert client.get("/api/status", headers={"Host": host}).status_code == status
    assert client.get("/api/status", headers={"Host": "0.0.0.0:8420"}).status_code == 400
    assert client.get("/api/status", headers={"Host": "lab-8.example"}).status_code == 400
    elsewhere = {"Host": "lab-7.example:8420", "Origin": "http://127.0.0.1:8420"}
    assert client.post(CANCEL, headers=elsewhere).status_code == 403


def test_a_web_socket_is_closed(app: FastAPI) -> None:
    with pytest.raises(WebSocketDisconnect), clients.operator(app).websocket_connect("/api/events"):
        pass
