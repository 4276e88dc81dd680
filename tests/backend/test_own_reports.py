"""References and own reports over the API: each write works, is refused when missing, stale or wrong, and can be repeated."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from backend.app import create_app
from backend.broker import Broker
from backend.contract import RunState
from backend.queue import Bell
from backend.references.template import TEMPLATES
from backend.settings import Settings
from backend.store import revive
from backend.store.session import Database
from tests.backend import clients
from tests.store import scenes

NOBODY = "redis://127.0.0.1:1/0"
CSV = "experiment,test_acc,train_loss\nmine,0.5,0.25\n"


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[TestClient]:
    with clients.operator(create_app(settings, database, Bell(Broker(NOBODY)))) as client:
        yield client


def message(answer: Any) -> str:
    return answer.json()["error"]["message"]


def complete(database: Database, *accuracies: float, **changes: Any) -> list[int]:
    """Launch a recipe with a seed for each of these last test accuracies, and complete all."""
    runs = scenes.launch(database, len(accuracies), **changes)
    for accuracy in accuracies:
        claimed = scenes.claim(database)
        assert scenes.report(database, claimed, 1, {"test_acc": accuracy, "train_loss": 0.25})
        assert scenes.end(database, claimed, RunState.COMPLETED)
    return runs


def load(client: TestClient, name: str = "ours", text: str = CSV, **more: Any) -> Any:
    return client.post("/api/references", json={"name": name, "format": "csv", "text": text, **more})


def create(client: TestClient, **body: Any) -> dict[str, Any]:
    answer = client.post("/api/own-reports", json={"title": "Mine", **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


# --- references ------------------------------------------------------------------------------------------------


def test_a_reference_is_stored_listed_read_and_removed(client: TestClient) -> None:
    made = load(client, title="Our lab", tolerance_points=0.5)
    assert made.status_code == 201
    assert made.json()["tables"][0]["rows"] == [{"epoch": 0, "train_loss": 0.25, "test_acc": 0.5}]
    first, ours = client.get("/api/references").json()["references"]
    assert (first["name"], first["builtin"], first["values"]) == ("published", True, 194)
    assert (ours["title"], ours["tolerance_points"], ours["experiments"]) == ("Our lab", 0.5, ["mine"])
    assert client.get("/api/references/ours").json() == made.json()
    assert client.get("/api/references/published").json()["values"] == 194
    assert client.delete("/api/references/ours").json() == {"removed": "ours"}
    assert client.delete("/api/references/ours").status_code == 404
    assert client.get("/api/references/ours").status_code == 404


def test_a_name_is_taken_once_and_runyards_own_is_never_removed(client: TestClient) -> None:
    assert load(client).status_code == 201
    again = load(client)
    assert (again.status_code, "already" in message(again)) == (409, True)
    refused = client.delete("/api/references/published")
    assert (refused.status_code, "cannot be removed" in message(refused)) == (422, True)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "a b"}, "The name is 'a b'"),
        ({"format": "xml"}, "format"),
        ({"text": "experiment,test_acc\nmine,50\n"}, "Write 0.5 for 50%."),
        ({"tolerance_points": 101}, "tolerance_points is 101"),
        ({"title": "x" * 301}, "301 characters"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_reference_that_cannot_be_one_is_refused(
    client: TestClient, changes: dict[str, Any], says: str
) -> None:
    answer = client.post("/api/references", json={"name": "ours", "format": "csv", "text": CSV, **changes})
    assert answer.status_code == 422
    assert says in message(answer)
    assert len(client.get("/api/references").json()["references"]) == 1


@pytest.mark.parametrize("kind", ["csv", "toml"])
def test_a_template_is_downloaded_and_taken_as_it_is(client: TestClient, kind: str) -> None:
    answer = client.get(f"/api/reference-templates/{kind}")
    assert answer.text == TEMPLATES[kind]  # pyright: ignore
    assert answer.headers["content-disposition"] == f'attachment; filename="reference.{kind}"'
    sent = client.post("/api/references", json={"name": "ours", "format": kind, "text": answer.text})
    assert sent.status_code == 201
    assert client.get("/api/reference-templates/xml").status_code == 422


# --- own reports -----------------------------------------------------------------------------------------------


def test_a_selection_of_runs_becomes_a_row_for_each_recipe(client: TestClient, database: Database) -> None:
    first = complete(database, 0.4, 0.5, 0.6)
    second = complete(database, 0.8, epochs=7)
    made = create(client, runs=[*first, *second], notes="# Why\r\n\r\nBecause.")
    assert made["notes"] == "# Why\n\nBecause."
    rows = {tuple(row["runs"]): row for row in made["rows"]}
    assert set(rows) == {tuple(first), tuple(second)}
    cell = rows[tuple(first)]["cells"]["test_acc"]
    assert (cell["n"], cell["kind"], cell["mean"]) == (3, "t", pytest.approx(0.5))
    # t(2) s / sqrt(3) = 4.3027 x 0.1 / 1.7321
    assert cell["half"] == pytest.approx(4.302652729911275 * 0.1 / 3**0.5)
    assert [member["counted"] for member in rows[tuple(first)]["members"]] == [True] * 3
    assert client.get(f"/api/own-reports/{made['id']}").json()["rows"] == made["rows"]
    assert client.get("/api/own-reports").json()["reports"][0]["rows"] == 2


def test_a_recipe_as_a_row_counts_the_runs_that_come_later_too(
    client: TestClient, database: Database
) -> None:
    (run_id,) = complete(database, 0.4)
    recipe = client.get(f"/api/runs/{run_id}").json()["recipe"]
    made = create(client, rows=[{"recipe": recipe[:12], "label": "Ours"}])
    (row,) = made["rows"]
    assert (row["n"], row["label"], row["add"]["seeds"]) == (1, "Ours", [1, 2])
    chosen = create(client, runs=[run_id])
    complete(database, 0.4, 0.5)
    assert client.get(f"/api/own-reports/{made['id']}").json()["rows"][0]["n"] == 2
    assert client.get(f"/api/own-reports/{chosen['id']}").json()["rows"][0]["n"] == 1


def test_a_row_is_judged_by_the_reference_that_it_is_bound_to(client: TestClient, database: Database) -> None:
    runs = complete(database, 0.48, 0.50, 0.52)
    assert load(client).status_code == 201
    bound = {"runs": runs, "reference": "ours", "experiment": "mine"}
    made = create(client, rows=[bound])
    judged = made["rows"][0]["held"]["judged"]
    assert (judged["test_acc"]["outcome"], judged["test_acc"]["published"]) == ("reproduced", 0.5)
    assert judged["train_acc"] is None
    # Without a spread the tolerance alone decides; the loss is just the published one.
    assert judged["train_loss"]["outcome"] == "reproduced"
    assert client.delete("/api/references/ours").status_code == 200
    gone = client.get(f"/api/own-reports/{made['id']}").json()["rows"][0]["held"]
    assert (gone["there"], gone["judged"]) == (False, {})


def test_what_was_not_made_as_the_published_report_is_not_said_to_reproduce_it(
    client: TestClient, database: Database
) -> None:
    runs = complete(database, 0.398, 0.399, 0.400)
    made = create(
        client, rows=[{"runs": runs, "reference": "published", "experiment": "alexnet-from-scratch"}]
    )
    held = made["rows"][0]["held"]
    assert held["judged"]["test_acc"]["outcome"] == "protocol differs"
    fields = {one["field"] for one in held["protocol"]}
    assert {"data set", "training images", "epochs", "network"} <= fields


def test_an_edit_makes_the_next_version_and_a_stale_one_changes_nothing(
    client: TestClient, database: Database
) -> None:
    (run_id,) = complete(database, 0.4)
    made = create(client, runs=[run_id])
    edit = f"/api/own-reports/{made['id']}/edit"
    body = {"title": "Second", "notes": "x", "runs": [run_id], "version": 1}
    answer = client.post(edit, json=body)
    assert (answer.status_code, answer.json()["version"], answer.json()["title"]) == (200, 2, "Second")
    stale = client.post(edit, json={**body, "title": "Third"})
    assert (stale.status_code, stale.json()["error"]["kind"]) == (409, "EditConflict")
    assert "is at version 2, and this was made of version 1" in message(stale)
    assert client.get(f"/api/own-reports/{made['id']}").json()["title"] == "Second"
    assert client.delete(f"/api/own-reports/{made['id']}?version=1").status_code == 409
    assert client.delete(f"/api/own-reports/{made['id']}?version=2").json() == {"deleted": made["id"]}
    assert client.delete(f"/api/own-reports/{made['id']}?version=2").status_code == 404
    assert client.post(edit, json=body).status_code == 404
    # The address of a report that was deleted never leads to another one.
    assert create(client, runs=[run_id])["id"] > made["id"]


def test_runs_that_were_deleted_are_told_and_take_no_row_away(client: TestClient, database: Database) -> None:
    runs = complete(database, 0.4, 0.5)
    made = create(client, runs=runs)
    with database.write() as session:
        revive.purge(session, runs[0])
    (row,) = client.get(f"/api/own-reports/{made['id']}").json()["rows"]
    assert (row["gone"], row["n"], row["there"]) == ([runs[0]], 1, True)
    with database.write() as session:
        revive.purge(session, runs[1])
    (row,) = client.get(f"/api/own-reports/{made['id']}").json()["rows"]
    assert (row["there"], row["n"], row["name"]) == (False, 0, None)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 422, "title"),
        ({"title": " ", "runs": [1]}, 422, "title has 0 characters"),
        ({"title": "x" * 201, "runs": [1]}, 422, "title has 201 characters"),
        ({"title": "x"}, 422, "0 rows; it must have 1 to 100"),
        ({"title": "x", "runs": [77]}, 404, "There is no run 77."),
        ({"title": "x", "rows": [{}]}, 422, "neither a recipe nor runs"),
        ({"title": "x", "rows": [{"runs": [1, 2]}]}, 422, "runs of several recipes"),
        ({"title": "x", "rows": [{"recipe": "0" * 12}]}, 404, "There is no recipe '000000000000'."),
        ({"title": "x", "rows": [{"recipe": "xyz"}]}, 422, "recipe"),
        ({"title": "x", "rows": [{"runs": [1], "reference": "nobody", "experiment": "a"}]}, 404, "nobody"),
        (
            {"title": "x", "rows": [{"runs": [1], "reference": "published", "experiment": "a"}]},
            422,
            "has no experiment 'a'; it has: alexnet-from-scratch",
        ),
        ({"title": "x", "rows": [{"runs": [1], "reference": "published"}]}, 422, "or neither"),
        ({"title": "x", "rows": [{"runs": [1], "label": "l" * 201}]}, 422, "label has 201 characters"),
        ({"title": "x", "runs": [1], "notes": "n" * 20_001}, 422, "notes has 20,001 characters"),
        ({"title": "x", "runs": [1], "notes": "a\u0007"}, 422, "control character"),
    ],
)
def test_a_report_that_cannot_be_is_refused_in_one_sentence(
    client: TestClient, database: Database, body: dict[str, Any], status: int, says: str
) -> None:
    scenes.launch(database)
    scenes.launch(database, epochs=7)
    answer = client.post("/api/own-reports", json=body)
    assert answer.status_code == status, answer.text
    assert says in message(answer)
    assert client.get("/api/own-reports").json()["reports"] == []
