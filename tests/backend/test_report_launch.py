"""Launching what is missing of a report over HTTP, and the confirmation of what takes hours."""

import threading
import time
from typing import Any

from fastapi.testclient import TestClient

from backend.catalog.reports import REPORT
from backend.contract import RunState
from backend.launching import Shelf
from backend.reporting import default_variant, plan_report
from backend.store import attempts, datasets, workers
from backend.store.session import Database
from tests.backend.test_api import client as client
from tests.store import scenes
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
    refused: list[dict[str, Any]] = [
        {"size": "published"},  # cifar10 is not here
        {"dataset": "nothing"},
        {"pretraining": "shapes", "dataset": "shapes"},
        {"seeds": []},
        {"seeds": [1, 1]},
        {"seeds": [-1]},
        {"seeds": list(range(1000))},
        {"sise": "quick"},
    ]
    for body in refused:
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


LONG = {"preset": "vgg16-fine-tuned", "size": "published", "overrides": {"dataset": {"name": "shapes"}}}


def heard_of_a_gpu(database: Database, seconds_ago: float) -> None:
    with database.write() as session:
        now = time.time()
        session.info["clock"] = lambda: now - seconds_ago
        workers.register(session, "w", host="here", device="cuda:0", device_name="GPU", version="1")


def test_a_gpu_worker_that_is_here_answers_the_question_and_one_that_is_lost_does_not(
    client: TestClient, database: Database
) -> None:
    heard_of_a_gpu(database, seconds_ago=60)
    assert client.post("/api/launches", json=LONG).status_code == 409
    heard_of_a_gpu(database, seconds_ago=0)
    assert client.post("/api/launches", json=LONG).status_code == 201


def test_a_confirmed_launch_is_repeated_without_a_question(client: TestClient) -> None:
    key = {"Idempotency-Key": "k"}
    first = client.post("/api/launches", json={**LONG, "confirm": True}, headers=key)
    again = client.post("/api/launches", json=LONG, headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()


def test_a_confirmed_report_is_repeated_without_a_question(client: TestClient, database: Database) -> None:
    heard_of_a_gpu(database, seconds_ago=0)
    with database.write() as session:
        datasets.register(
            session, datasets.NewDataset("mine", "a" * 64, list("abcdefghij"), 50_000, 10_000, 32, 3)
        )
    body = {"size": "published", "dataset": "mine", "pretraining": "glyphs"}
    first = launch(client, "k", **body)
    assert first.status_code == 201, first.text
    with database.write() as session:
        workers.leave(session, "w")
    assert end(database, claim(database), RunState.FAILED)
    again = launch(client, "k", **body)
    assert (again.status_code, again.json()) == (200, first.json())
    refused = launch(client, **body)
    assert refused.json()["error"]["kind"] == "ConfirmationNeeded"


def test_a_parent_that_was_trained_already_is_not_asked_about(client: TestClient, database: Database) -> None:
    small = {"dataset": {"name": "shapes"}}
    wish = {"preset": "softmax-resnet18-last", "size": "published", "overrides": small}
    asked = client.post("/api/launches", json=wish)
    assert asked.json()["error"]["kind"] == "ConfirmationNeeded"
    parent = {"preset": "resnet18-fine-tuned", "size": "published", "overrides": small, "confirm": True}
    assert client.post("/api/launches", json=parent).status_code == 201
    scenes.complete(database, claim(database))
    answer = client.post("/api/launches", json=wish)
    assert (answer.status_code, answer.json()["parents"]) == (201, []), answer.text


def test_two_launches_of_a_report_at_once_queue_each_run_once(client: TestClient) -> None:
    start, found = threading.Barrier(2), []

    def ask() -> None:
        start.wait()
        found.append(launch(client).json())

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(answer["runs"]) for answer in found) == [0, ALL]
    assert sum(states(client).values()) == ALL


def test_the_page_and_the_launch_agree_on_what_is_missing(client: TestClient, database: Database) -> None:
    launch(client)
    claimed = claim(database)
    with database.write() as session:
        assert attempts.cancel(session, claimed.run_id)
    assert states(client)["cancelling"] == 1
    standing = client.get(f"/api/reports/{REPORT}").json()["standing"]
    assert standing["missing"] == len(launch(client).json()["runs"]) == 1
