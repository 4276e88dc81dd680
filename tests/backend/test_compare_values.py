"""Which epoch stands for a run, which runs count, and what a recipe cost: GET /api/compare, on both databases."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from backend.analysis.recipes import Outcome, accuracy_of
from backend.app import create_app
from backend.broker import Broker
from backend.contract import RunState
from backend.queue import Bell
from backend.settings import Settings
from backend.store.session import Database
from backend.store.tables import Attempt
from tests.backend import clients
from tests.backend.test_api import NOBODY, message
from tests.backend.test_compare_api import compared, epoch
from tests.backend.test_recipes_api import complete
from tests.store import scenes


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[TestClient]:
    app = create_app(settings, database, Bell(Broker(NOBODY)))
    with clients.operator(app) as client:
        yield client


def only(answer: dict[str, Any]) -> dict[str, Any]:
    (item,) = answer["items"]
    return item


def test_the_last_the_best_or_the_best_epoch_on_validation_stands_for_a_run(
    client: TestClient, database: Database
) -> None:
    (run_id,) = scenes.launch(database, dataset={"name": "shapes", "validation": 0.1})
    complete(
        database,
        epoch(0.30, val_acc=0.2, train_loss=3.0),
        epoch(0.50, val_acc=0.6, train_loss=float("nan")),
        epoch(0.70, val_acc=0.6, train_loss=1.0),
        epoch(0.40, val_acc=0.5, train_loss=0.5),
        images=100,
    )
    for value, chosen, accuracy, loss in (
        ("last", 4, 0.4, {"value": 0.5, "nonfinite": None}),
        ("best", 3, 0.7, {"value": 1.0, "nonfinite": None}),
        # The first of equals, as the best test accuracy.
        ("validation", 2, 0.5, {"value": None, "nonfinite": "nan"}),
    ):
        answer = compared(client, run_id, value=value)
        item, (run,) = only(answer), answer["runs"]
        assert (answer["value"], item["accuracy"]["mean"], item["accuracy"]["kind"]) == (
            value,
            accuracy,
            "wilson",
        )
        assert item["final"]["train_loss"] == loss
        assert (run["chosen"], run["values"]["test_acc"]["value"]) == (chosen, accuracy)
        assert run["low"] < accuracy < run["high"]
        assert any("flatter" in sentence for sentence in answer["warnings"]) == (value == "best")


def test_without_validation_images_no_epoch_is_the_best_on_them_and_it_says_so(
    client: TestClient, database: Database
) -> None:
    (run_id,) = scenes.launch(database)
    complete(database, epoch(0.3))
    answer = compared(client, run_id, value="validation")
    assert only(answer)["accuracy"]["kind"] == "none"
    assert answer["runs"][0]["chosen"] is None
    assert answer["warnings"] == [
        "run 0 has no validation accuracy, as no training images were kept back (dataset.validation): no epoch is the "
        "best on validation."
    ]


def test_a_recipe_is_compared_with_all_its_runs_but_the_lost_ones(
    client: TestClient, database: Database
) -> None:
    ids = scenes.launch(database, 4)
    for value in (0.50, 0.51, 0.52):
        complete(database, epoch(value))
    assert scenes.end(database, scenes.claim(database), RunState.FAILED)
    (other,) = scenes.launch(database, epochs=7)
    recipe = only(compared(client, ids[0]))["recipe"]
    answer = client.get("/api/compare", params={"recipe": [recipe, recipe], "run": [other]}).json()
    assert [run["id"] for run in answer["runs"]] == [other, *ids[:3]]
    assert answer["items"][1]["accuracy"]["half_width"] == pytest.approx(0.01 * 4.302653 / 3**0.5)
    assert answer["items"][0]["accuracy"]["half_width"] is None


def test_what_decided_and_its_family_are_told(client: TestClient, database: Database) -> None:
    ids = [run for lr in (0.1, 0.2, 0.4) for run in scenes.launch(database, 3, optimizer={"lr": lr})]
    for value in (0.50, 0.51, 0.52, 0.70, 0.71, 0.72, 0.30, 0.31, 0.32):
        complete(database, epoch(value))
    found = compared(client, *ids)
    verdict = found["verdict"]
    assert (verdict["decided_by"], verdict["family"], verdict["separated"]) == ("welch", 3, True)
    # The smallest difference of the three is the largest p: twice that, by Holm's last two steps, is less than it thrice.
    assert 0 < verdict["p"] < 0.001
    assert verdict["runner_up"] == found["items"][0]["recipe"]
    models = compared(client, ids[0], ids[3])["verdict"]
    assert (models["decided_by"], models["p"], models["family"]) == ("wilson", None, 0)


def test_children_of_one_parent_count_once_and_that_is_told() -> None:
    shared = accuracy_of(
        Outcome(run, seed, 0.1 * run, parent=parent) for run, seed, parent in ((1, 0, 9), (2, 1, 9))
    )
    assert ([one.run for one in shared.counted], shared.same_parent) == ([2], (1,))
    # Seed 0 has a run from either parent: with the older one both seeds count.
    both = accuracy_of(
        Outcome(run, seed, 0.5, parent=parent) for run, seed, parent in ((1, 0, 8), (2, 0, 9), (3, 1, 9))
    )
    assert ([one.run for one in both.counted], both.same_parent) == ([1, 3], ())


def test_two_seeds_from_one_parent_are_one_value_in_the_table(client: TestClient, database: Database) -> None:
    (parent,) = scenes.launch(database)
    complete(database, epoch(0.4))
    children = [scenes.launch_child(database, parent) for _ in range(2)]
    for value in (0.5, 0.6):
        complete(database, epoch(value))
    answer = compared(client, *children)
    assert (only(answer)["accuracy"]["n"], only(answer)["accuracy"]["mean"]) == (1, 0.6)


def test_the_time_to_an_accuracy_is_that_up_to_the_first_epoch_that_reaches_it(
    client: TestClient, database: Database
) -> None:
    ids = scenes.launch(database, 2)
    complete(database, epoch(0.3, 2.0), epoch(0.5, 3.0), epoch(0.4, 4.0), epoch(0.6, 5.0))
    complete(database, epoch(0.3, 2.0), epoch(0.45, 4.0), epoch(0.5, 6.0))
    assert only(compared(client, *ids, target=0.5))["reached"] == {
        "runs": 2,
        "of": 2,
        "epoch": 2.5,
        "seconds": 8.5,
    }
    assert only(compared(client, *ids, target=0.6))["reached"] == {
        "runs": 1,
        "of": 2,
        "epoch": None,
        "seconds": None,
    }
    assert only(compared(client, *ids))["reached"] is None


def on_device(database: Database, run_id: int, device: str) -> None:
    with database.write() as session:
        session.execute(
            update(Attempt).where(Attempt.run_id == run_id).values(environment={"device": device})
        )


def test_accuracy_by_gpu_hour_and_by_watt_hour(client: TestClient, database: Database) -> None:
    (run_id,) = scenes.launch(database)
    complete(database, epoch(0.3, 1000.0, energy_wh=20.0), epoch(0.9, 800.0, energy_wh=10.0))
    on_device(database, run_id, "cpu")
    item = only(compared(client, run_id))
    assert (item["gpu_hours"], item["per_gpu_hour"]) == (None, None)
    on_device(database, run_id, "cuda")
    item = only(compared(client, run_id))
    assert (item["gpu_hours"], item["per_gpu_hour"]) == (0.5, pytest.approx(1.8))
    assert (item["energy_wh"], item["per_wh"]) == (30.0, pytest.approx(0.03))


def test_energy_that_is_not_known_of_each_epoch_is_not_known(client: TestClient, database: Database) -> None:
    (run_id,) = scenes.launch(database)
    complete(database, epoch(0.3, energy_wh=20.0), epoch(0.9))
    assert (only(compared(client, run_id))["energy_wh"], only(compared(client, run_id))["per_wh"]) == (
        None,
        None,
    )


def test_images_of_an_epoch_are_those_that_are_trained_on(client: TestClient, database: Database) -> None:
    for limit, share, images in ((1000, None, 1000), (1000, 0.1, 900), (10, 0.01, 9)):
        validation = {} if share is None else {"validation": share}
        (run_id,) = scenes.launch(database, dataset={"name": "shapes", "train_limit": limit, **validation})
        assert only(compared(client, run_id))["images_an_epoch"] == images


def test_fields_that_are_all_numbers_can_be_the_axes_of_a_sweep(
    client: TestClient, database: Database
) -> None:
    first = scenes.launch(database, optimizer={"lr": 0.1}, deterministic=True)
    second = scenes.launch(database, optimizer={"lr": 0.2}, deterministic=False)
    answer = compared(client, *first, *second)
    numbers = {field["path"]: field["numbers"] for field in answer["differs"]}
    assert list(numbers["optimizer.lr"].values()) == [0.1, 0.2]
    assert numbers["deterministic"] is None
    without = compared(client, *first, *second, fields=False)
    assert (without["differs"], without["same"]) == ([], [])
    assert without["items"] == answer["items"]


def test_the_curves_of_many_runs_come_a_metric_at_a_time(client: TestClient, database: Database) -> None:
    ids = scenes.launch(database, 51)
    complete(database, epoch(0.3, 2.0), epoch(0.5, 3.0, train_loss=float("inf")))
    refused = client.get("/api/compare", params={"run": ids})
    assert refused.status_code == 422
    assert message(refused).startswith("curves is true for 51 runs; at most 50")
    assert len(compared(client, *ids, curves=False)["runs"]) == 51
    answer = client.get("/api/compare/curves", params={"run": ids, "metric": "train_loss"}).json()
    assert answer == {
        "metric": "train_loss",
        "series": {
            str(ids[0]): {
                "epochs": None,
                "values": [0.5, None],
                "seconds": None,
                "nonfinite": {"2": "inf"},
                "thinned": False,
            }
        },
    }
    timed = client.get("/api/compare/curves", params={"run": ids[:1], "seconds": True}).json()
    assert timed["series"][str(ids[0])]["seconds"] == [2.0, 5.0]


def test_curves_of_a_metric_are_thinned_above_what_a_screen_shows_and_say_so(
    client: TestClient, database: Database
) -> None:
    from backend.store import points

    (run_id,) = scenes.launch(database, epochs=2500)
    with database.write() as session:
        for number in range(1, 2402):
            points.write(session, run_id, number, {"test_acc": 0.9 if number == 1777 else 0.5})
    curve = client.get("/api/compare/curves", params={"run": run_id}).json()["series"][str(run_id)]
    assert curve["thinned"] and 500 < len(curve["epochs"]) <= 2000
    assert curve["values"][curve["epochs"].index(1777)] == 0.9
    assert (curve["epochs"][0], curve["epochs"][-1]) == (1, 2401)
