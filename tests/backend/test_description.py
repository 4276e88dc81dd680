"""What /api/openapi.json says of every operation, and refusals that come before any route."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from backend.api.problems import LONGEST_MESSAGE, RESPONSES
from backend.app import create_app
from backend.broker import Broker
from backend.gate.roles import is_open
from backend.queue import Bell
from backend.settings import Settings
from backend.store.session import Database
from tests.backend import clients
from tests.backend.test_api import NOBODY, message

JSON = {"Content-Type": "application/json"}
REFUSAL = "#/components/schemas/ErrorWire"


@pytest.fixture
def client(settings: Settings, sqlite_database: Database) -> Iterator[TestClient]:
    app = create_app(settings, sqlite_database, Bell(Broker(NOBODY)))
    with clients.operator(app) as client:
        yield client


def operations(client: TestClient) -> Iterator[tuple[str, str, dict]]:
    for path, methods in client.get("/api/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_every_operation_tells_all_refusals_in_json_whatever_it_answers_else(client: TestClient) -> None:
    for method, path, operation in operations(client):
        for status in RESPONSES:
            content = operation["responses"][str(status)]["content"]
            assert list(content) == ["application/json"], f"{method} {path} {status}"
            assert content["application/json"]["schema"] == {"$ref": REFUSAL}
        assert "WWW-Authenticate" in operation["responses"]["401"]["headers"]


def test_what_is_open_is_described_as_open_and_all_else_needs_a_token(client: TestClient) -> None:
    description = client.get("/api/openapi.json").json()
    assert description["security"] == [{"token": []}]
    assert description["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for method, path, operation in operations(client):
        assert (operation.get("security") == []) == is_open(method, path), f"{method} {path}"


def test_a_wrong_method_is_told_all_methods_of_the_address(client: TestClient) -> None:
    answer = client.patch("/api/runs/1")
    assert answer.status_code == 405
    assert sorted(answer.headers["Allow"].split(", ")) == ["DELETE", "GET"]
    assert message(answer) == "This address takes GET, DELETE, not PATCH."
    page = client.put("/")
    assert (page.status_code, page.headers["Allow"]) == (405, "GET")


def test_an_address_that_is_none_is_refused_in_a_sentence(client: TestClient) -> None:
    assert message(client.get("/api/nothing")) == "There is nothing at this address."


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "The body is not valid JSON."),
        (b'{"a": "\xff"}', "The body is not text in UTF-8."),
        (b"[" * 100_000, "The body is nested too deeply."),
        (b'{"a": ' + b"9" * 5000 + b"}", "The body holds a whole number of more than 4300 digits."),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_with_what_is_wrong(
    client: TestClient, body: bytes, sentence: str
) -> None:
    answer = client.post("/api/launches", content=body, headers=JSON)
    assert (answer.status_code, message(answer)) == (422, sentence)


def test_a_body_that_grows_on_without_having_said_its_length_is_refused(client: TestClient) -> None:
    answer = client.post("/api/launches", content=(b" " * 65_536 for _ in range(17)), headers=JSON)
    assert (answer.status_code, message(answer)) == (413, "The body may have 1048576 bytes at most.")


def test_names_that_nobody_can_see_or_read_are_shown_in_escapes_and_cut(client: TestClient) -> None:
    unseen = client.post("/api/launches", json={"preset": "softmax-original", "overrides": {"a\0\u202eb": 1}})
    assert message(unseen) == "a\\x00\\u202eb is not a field of a spec; remove it or correct its name."
    long = message(
        client.post("/api/launches", json={"preset": "softmax-original", "overrides": {"a" * 9999: 1}})
    )
    assert len(long) == LONGEST_MESSAGE + 1
    assert long.startswith("aaa")
    assert long.endswith("remove it or correct its name.")
