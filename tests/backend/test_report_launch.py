"""Launching what is missing of a report over HTTP, and the confirmation of what takes hours."""

from fastapi.testclient import TestClient

from backend.contract import RunState
from backend.launching import Shelf
from backend.reporting import REPORT, default_variant, plan_report
from backend.store.session import Database
from tests.backend.test_api import client as client
from tests.store.scenes import claim, end

ALL = len(plan_report(default_variant(Shelf(), None, None, None)).runs())
PATH = f"/api/reports/{REPORT}/launch"


def launch(client: TestClient, key: str | None = None, **body):
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(PATH, json=body, headers=headers)


def states(client: TestClient) -> dict[str, int]:
    counts = client.get("/api/runs").json()["counts"]
    return {state: count for state, count in counts.items() if count}


def test_one_request_queues_the_whole_report_and_its_parents(client: TestClient) -> None:
    answer = launch(client)
    assert answer.status_code == 201, answer.text
    assert len(answer.json()["runs"]) == ALL
    # Waiting: three fine-tuned networks, and all that needs the features of one of them.
    waiting = 3 + 2 + 8
    assert states(client) == {"waiting": waiting, "queued": ALL - waiting}


def test_what_is_on_its_way_is_not_queued_again(client: TestClient) -> None:
    launch(client)
    again = launch(client)
    assert (again.status_code, again.json()["runs"], again.json()["reused"]) == (200, [], ALL)


def test_what_failed_is_missing_again(client: TestClient, database: Database) -> None:
    launch(client)
    assert end(database, claim(database), RunState.FAILED)
    again = launch(client).json()
    assert (len(again["runs"]), again["reused"]) == (1, ALL - 1)


def test_the_same_key_and_body_launch_once(client: TestClient) -> None:
    first, again = launch(client, "k1"), launch(client, "k1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["runs"] == again.json()["runs"]
    assert launch(client, "k1", seeds=[1]).status_code == 409


def test_each_seed_is_a_report_of_its_own(client: TestClient) -> None:
    assert len(launch(client, seeds=[0, 7]).json()["runs"]) == 2 * ALL


def test_a_report_that_is_not_there_is_404(client: TestClient) -> None:
    answer = client.post("/api/reports/nothing/launch", json={})
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "There is no report 'nothing'.")


def test_a_choice_that_cannot_be_is_refused_and_nothing_is_stored(client: TestClient) -> None:
    for body in (
        {"size": "published"},  # cifar10 is not here
        {"dataset": "nothing"},
        {"pretraining": "shapes", "dataset": "shapes"},
        {"seeds": []},
        {"seeds": [1, 1]},
        {"seeds": [-1]},
        {"sise": "quick"},
    ):
        answer = launch(client, **body)
        assert answer.status_code == 422, body
        assert answer.json()["error"]["message"].endswith((".", "`.")), body
    assert states(client) == {}


def test_days_on_a_processor_need_a_confirmation_with_the_estimate(client: TestClient) -> None:
    wish = {"preset": "vgg16-fine-tuned", "size": "published", "overrides": {"dataset": {"name": "shapes"}}}
    refused = client.post("/api/launches", json=wish)
    assert (refused.status_code, refused.json()["error"]["kind"]) == (409, "ConfirmationNeeded")
    assert "on a CPU with two cores" in refused.json()["error"]["message"]
    assert states(client) == {}
    confirmed = client.post("/api/launches", json={**wish, "confirm": True})
    assert confirmed.status_code == 201
