"""What is found between the runs of a comparison: curves that repeat each other, and what no recipe says."""

import math
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from backend.api import compare_findings
from backend.app import create_app
from backend.broker import Broker
from backend.contract import RunState
from backend.queue import Bell
from backend.settings import Settings
from backend.store import attempts
from backend.store.session import Database
from tests.backend import clients
from tests.backend.test_api import NOBODY
from tests.store import scenes

LOSSES = [2.0, 1.5, 1.2, 1.1]


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[TestClient]:
    with clients.operator(create_app(settings, database, Bell(Broker(NOBODY)))) as client:
        yield client


def trained(database: Database, losses: list[float] = LOSSES, *, lr: float = 0.1, **facts: object) -> int:
    """Train a run of a recipe with this learning rate, that tells these losses; return its id."""
    (run_id,) = scenes.launch(database, epochs=len(losses), optimizer={"lr": lr})
    claimed = scenes.claim(database)
    with database.write() as session:
        attempts.describe(session, run_id, claimed.attempt, {"torch": "2.8", "data_hash": "a" * 64, **facts})
    for epoch, loss in enumerate(losses, 1):
        metrics = {"train_loss": loss, "train_acc": 1 - loss / 4, "test_acc": 0.9 - loss / 4}
        assert scenes.report(database, claimed, epoch, metrics)
    assert scenes.end(database, claimed, RunState.COMPLETED)
    return run_id


def between(client: TestClient, *runs: int) -> list[dict]:
    answer = client.get("/api/compare", params={"run": runs, "curves": False})
    assert answer.status_code == 200, answer.text
    return answer.json()["findings"]


def test_two_recipes_with_the_same_curves_are_sick_and_named(database: Database, client: TestClient) -> None:
    first, healthy = trained(database), trained(database, [2.1, 1.6, 1.3, 1.2], lr=0.2)
    repeats = trained(database, lr=0.3)
    (one,) = between(client, healthy, first, repeats)
    assert (one["rule"], one["severity"], one["runs"]) == ("identical-curves", "sick", [first, repeats])
    assert one["sentence"].startswith(f"Run {repeats} (")
    assert f"repeats run {first} (" in one["sentence"]
    assert one["evidence"]["values"] == 12


def test_what_differs_in_the_last_epoch_is_not_repeated(database: Database, client: TestClient) -> None:
    assert between(client, trained(database), trained(database, [*LOSSES[:-1], 1.1001], lr=0.3)) == []


def test_two_seeds_of_a_recipe_and_a_single_run_are_not_accused(
    database: Database, client: TestClient
) -> None:
    one, other = trained(database), trained(database)
    assert between(client, one, other) == []
    assert between(client, one) == []


def test_curves_of_different_lengths_repeat_each_other_as_far_as_both_go(
    database: Database, client: TestClient
) -> None:
    (one,) = between(client, trained(database), trained(database, LOSSES[:2], lr=0.3))
    assert "epochs 1 to 2" in one["sentence"]


def test_a_single_epoch_in_common_is_no_repetition(database: Database, client: TestClient) -> None:
    assert between(client, trained(database), trained(database, LOSSES[:1], lr=0.3)) == []


def test_losses_that_are_no_numbers_alike_are_not_numbers_in_common(
    database: Database, client: TestClient
) -> None:
    gone = [math.nan] * 3
    (run_id,) = scenes.launch(database, epochs=3, optimizer={"lr": 0.7})
    assert run_id
    claimed = scenes.claim(database)
    for epoch in (1, 2, 3):
        assert scenes.report(database, claimed, epoch, {"train_loss": math.nan, "test_acc": 0.1})
    assert scenes.end(database, claimed, RunState.COMPLETED)
    assert between(client, run_id, trained(database, gone, lr=0.3)) == []


def test_runs_on_other_data_or_versions_are_noted_with_what_they_tell(
    database: Database, client: TestClient
) -> None:
    one = trained(database)
    other = trained(database, [3.0, 2.0, 1.0], lr=0.2, torch="2.9", data_hash="b" * 64)
    (found,) = between(client, one, other)
    assert (found["rule"], found["severity"], found["runs"]) == (
        "data-or-versions-differ",
        "note",
        [one, other],
    )
    assert found["evidence"] == {"torch": ["2.8", "2.9"], "data_hash": ["a" * 64, "b" * 64]}


def test_the_sick_come_first_and_each_names_its_own_runs(database: Database, client: TestClient) -> None:
    other = trained(database, [3.0, 2.0, 1.0], lr=0.2, torch="2.9")
    one, repeats = trained(database), trained(database, lr=0.3)
    assert [(found["rule"], found["runs"]) for found in between(client, other, one, repeats)] == [
        ("identical-curves", [one, repeats]),
        ("data-or-versions-differ", [other, one, repeats]),
    ]


def test_of_many_that_repeat_each_other_only_some_are_read(
    database: Database, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_findings, "MOST_READ", 3)
    runs = [trained(database, lr=0.1 * number) for number in range(1, 6)]
    assert [found["runs"][1] for found in between(client, *runs)] == runs[1:3]
