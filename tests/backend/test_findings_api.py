"""What the service finds of a run, from the numbers that are stored of it."""

import json
import math
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from backend.analysis.findings.registry import RULES
from backend.app import create_app
from backend.broker import Broker
from backend.contract import RunState
from backend.examiner import Examiner
from backend.queue import Bell
from backend.settings import Settings
from backend.store import predictions
from backend.store.session import Database
from tests.backend import clients
from tests.backend.test_api import NOBODY
from tests.store import scenes

IMAGES = 100
CLASSES = [f"class {number}" for number in range(10)]
LABELS = bytes(number % 10 for number in range(IMAGES))
ONE_CLASS = bytes([3] * IMAGES)
SATURATED = 0.1 * 1.4612 + 0.9 * 2.4612
"""The loss of softmax applied twice where one class is always answered: Table 3.2."""


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[TestClient]:
    app = create_app(settings, database, Bell(Broker(NOBODY)))
    with clients.operator(app) as client:
        yield client


def tell(database: Database, *epochs: dict[str, float], predicted: bytes = LABELS, **changes) -> int:
    """Train a run that tells these epochs; return its id."""
    (run_id,) = scenes.launch(database, epochs=len(epochs), **changes)
    claimed = scenes.claim(database)
    with database.write() as session:
        predictions.describe_test_set(session, "5" * 64, CLASSES, LABELS)
    for number, metrics in enumerate(epochs, start=1):
        assert scenes.report(database, claimed, number, metrics, predictions=("5" * 64, predicted))
    assert scenes.end(database, claimed, RunState.COMPLETED)
    return run_id


def findings(client: TestClient, run_id: int) -> list[dict]:
    answer = client.get(f"/api/runs/{run_id}/findings")
    assert answer.status_code == 200, answer.text
    return answer.json()["findings"]


def test_table_3_2_as_stored_numbers_is_softmax_twice_and_collapsed(
    database: Database, client: TestClient
) -> None:
    epoch = {"train_loss": SATURATED, "train_acc": 0.1, "test_loss": SATURATED, "test_acc": 0.1}
    run_id = tell(database, *[epoch] * 5, predicted=ONE_CLASS)
    found = findings(client, run_id)
    assert {one["rule"] for one in found} == {"softmax-twice", "collapsed"}
    assert {one["severity"] for one in found} == {"sick"}
    assert all(one["sentence"] and one["advice"] and 1 <= one["epoch"] <= one["until"] <= 5 for one in found)


def test_a_loss_that_is_no_number_is_found_and_told_as_json(database: Database, client: TestClient) -> None:
    good = {"train_loss": 1.9, "train_acc": 0.3, "test_loss": 1.8, "test_acc": 0.35}
    gone = {"train_loss": math.nan, "train_acc": 0.1, "test_loss": math.inf, "test_acc": 0.1}
    run_id = tell(database, good, gone, gone)
    text = client.get(f"/api/runs/{run_id}/findings").text
    (one,) = json.loads(text, parse_constant=pytest.fail)["findings"]
    assert (one["rule"], one["epoch"]) == ("diverged", 2)


def test_nothing_is_said_of_a_healthy_run_nor_of_one_without_an_epoch(
    database: Database, client: TestClient
) -> None:
    losses = [1.5, 1.0, 0.8, 0.7, 0.65, 0.64]
    epochs = [
        {"train_loss": loss, "train_acc": 0.9, "test_loss": loss + 0.1, "test_acc": 0.85 + 0.0001 * number}
        for number, loss in enumerate(losses)
    ]
    assert findings(client, tell(database, *epochs)) == []
    (untouched,) = scenes.launch(database)
    assert findings(client, untouched) == []


def test_a_run_that_is_not_there_is_404(client: TestClient) -> None:
    assert client.get("/api/runs/7/findings").status_code == 404


def examined(database: Database) -> None:
    """Let the examiner look at everything once: the service's own thread does so in its time."""
    one = Examiner(database)
    while not one.is_idle:
        one.tick(0.0)


def diverging(database: Database, **changes) -> int:
    gone = {"train_loss": math.nan, "train_acc": 0.1, "test_loss": math.inf, "test_acc": 0.1}
    return tell(database, gone, gone, **changes)


def still_improving(database: Database, **changes) -> int:
    epochs = [
        {"train_loss": 2.0 - 0.2 * number, "train_acc": 0.2 + 0.05 * number, "test_acc": 0.2 + 0.05 * number}
        for number in range(6)
    ]
    return tell(database, *epochs, **changes)


def test_lists_show_what_was_found_in_short_and_filter_by_it(database: Database, client: TestClient) -> None:
    sick, noted = diverging(database), still_improving(database)
    (untouched,) = scenes.launch(database)
    examined(database)

    def listed(finding: str, path: str = "/api/runs") -> list[int]:
        answer = client.get(path, params={"finding": finding})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        if "runs" in page:
            return [run["id"] for run in page["runs"]]
        return [run["id"] for recipe in page["recipes"] for run in recipe["runs"]]

    rows = {run["id"]: run["findings"] for run in client.get("/api/runs").json()["runs"]}
    assert rows[sick] == [{"rule": "diverged", "title": "Diverged", "severity": "sick", "epoch": 1}]
    assert [one["rule"] for one in rows[noted]] == ["still-improving"]
    assert rows[untouched] == []
    assert listed("diverged") == listed("sick") == [sick]
    assert listed("still-improving") == listed("note") == [noted]
    assert listed("any") == [noted, sick]
    assert listed("collapsed") == []
    assert client.get(f"/api/runs/{sick}").json()["findings"] == rows[sick]


def test_recipes_are_filtered_by_what_was_found_of_any_run(database: Database, client: TestClient) -> None:
    sick = diverging(database)
    still_improving(database)
    examined(database)
    recipes = client.get("/api/recipes", params={"finding": "diverged"}).json()["recipes"]
    assert [run["id"] for recipe in recipes for run in recipe["runs"]] == [sick]
    assert client.get("/api/recipes", params={"finding": "collapsed"}).json()["recipes"] == []


@pytest.mark.parametrize("finding", ["colapsed", "", "identical-curves", "a" * 100])
@pytest.mark.parametrize("path", ["/api/runs", "/api/recipes"])
def test_an_unknown_finding_is_refused_with_those_that_there_are(
    client: TestClient, path: str, finding: str
) -> None:
    answer = client.get(path, params={"finding": finding})
    assert answer.status_code == 422
    said = answer.json()["error"]["message"]
    assert said.startswith(f"finding is {finding[:40]!r}; it must be one of diverged, softmax-twice,")
    assert "sick, note, any" in said


def test_a_finding_and_a_state_must_both_hold(database: Database, client: TestClient) -> None:
    diverging(database)
    examined(database)
    query = {"finding": "diverged", "state": "failed"}
    assert client.get("/api/runs", params=query).json()["runs"] == []
    assert len(client.get("/api/runs", params=query | {"state": "completed"}).json()["runs"]) == 1


def test_the_rules_are_told_in_words_the_gravest_first(client: TestClient) -> None:
    rules = client.get("/api/findings/rules").json()["rules"]
    assert [one["name"] for one in rules] == list(RULES)
    assert {one["name"] for one in rules if not one["of_one_run"]} == {
        "identical-curves",
        "data-or-versions-differ",
    }
    assert all(one["title"] and one["meaning"] and one["threshold"] and one["source"] for one in rules)
