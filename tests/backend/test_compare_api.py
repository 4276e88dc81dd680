"""GET /api/compare: what differs, how good each recipe is, the curves and the verdict, on both databases."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from backend.app import create_app
from backend.broker import Broker
from backend.contract import RunState
from backend.figures.compare import curves, elapsed_seconds
from backend.queue import Bell
from backend.settings import Settings
from backend.store import points
from backend.store.points import Series
from backend.store.session import Database
from tests.backend import clients
from tests.backend.test_api import NOBODY, message
from tests.backend.test_recipes_api import complete, sent_by, statements
from tests.store import scenes


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[TestClient]:
    app = create_app(settings, database, Bell(Broker(NOBODY)))
    with clients.operator(app) as client:
        yield client


def compared(client: TestClient, *runs: int, **query: Any) -> dict[str, Any]:
    answer = client.get("/api/compare", params={"run": list(runs), **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def epoch(test_acc: float, seconds: float = 2.0, **others: float) -> dict[str, float]:
    return {
        "test_acc": test_acc,
        "test_loss": 1.0,
        "train_loss": 0.5,
        "train_acc": 0.9,
        "epoch_seconds": seconds,
        **others,
    }


def test_two_recipes_are_told_by_what_differs(client: TestClient, database: Database) -> None:
    (slow,) = scenes.launch(database, optimizer={"lr": 0.05})
    (fast,) = scenes.launch(database, optimizer={"lr": 0.1})
    complete(database, epoch(0.30), epoch(0.36), images=10_000)
    complete(database, epoch(0.45), epoch(0.412), images=10_000)
    answer = compared(client, fast, slow)
    assert [item["label"] for item in answer["items"]] == ["lr 0.1", "lr 0.05"]
    assert [item["color_index"] for item in answer["items"]] == [0, 1]
    ((field),) = answer["differs"]
    assert (field["path"], field["title"]) == ("optimizer.lr", "Learning rate")
    assert list(field["values"].values()) == ["0.1", "0.05"]
    assert "epochs" in {field["path"] for field in answer["same"]}
    assert answer["verdict"]["text"].startswith(
        "lr 0.1 has the highest test accuracy: 41.2% against 36.0%; the 95% "
    )
    assert (answer["verdict"]["question"], answer["verdict"]["separated"]) == ("models", True)
    assert answer["verdict"]["best"] == answer["items"][0]["recipe"]
    assert answer["verdict"]["more_seeds"][0]["seeds"] == [1, 2]
    assert answer["warnings"] == []


def test_an_item_tells_the_last_and_the_best_epoch_and_the_time(
    client: TestClient, database: Database
) -> None:
    (run_id,) = scenes.launch(database)
    complete(database, epoch(0.30, 2.0), epoch(0.50, 3.0), epoch(0.40, 4.0, train_loss=0.25), images=100)
    (item,) = compared(client, run_id)["items"]
    assert (item["label"], item["name"], item["runs"], item["epochs"]) == ("run 0", "run 0", [run_id], 5)
    assert item["final"]["train_loss"] == {"value": 0.25, "nonfinite": None}
    assert item["best"] == {"value": 0.5, "epoch": 2, "run": run_id}
    assert (item["seconds"], item["so_far"], item["clone"], item["next_seeds"]) == (
        9.0,
        False,
        run_id,
        [1, 2],
    )


def test_curves_come_by_epoch_and_by_the_time_up_to_it(client: TestClient, database: Database) -> None:
    (run_id,) = scenes.launch(database)
    complete(database, epoch(0.3, 2.0), epoch(0.5, 3.0, train_loss=float("inf")))
    series = compared(client, run_id)["series"][str(run_id)]
    assert set(series) == {"test_acc", "test_loss", "train_loss", "train_acc"}
    assert series["test_acc"] == {
        "epochs": [1, 2],
        "values": [0.3, 0.5],
        "seconds": [2.0, 5.0],
        "nonfinite": {},
        "thinned": False,
    }
    assert (series["train_loss"]["values"], series["train_loss"]["nonfinite"]) == ([0.5, None], {"2": "inf"})
    assert compared(client, run_id, curves=False)["series"] == {}


def test_a_long_run_is_thinned_and_that_is_told_with_its_curves_and_without(
    client: TestClient, database: Database
) -> None:
    (run_id,) = scenes.launch(database, epochs=2500)
    with database.write() as session:
        for number in range(1, 2400):
            points.write(session, run_id, number, {"test_acc": 0.5})
    assert scenes.report(database, scenes.claim(database), 2400, {"test_acc": 0.5})
    answer = compared(client, run_id)
    curve = answer["series"][str(run_id)]["test_acc"]
    assert curve["thinned"]
    assert 400 < len(curve["epochs"]) <= 2000
    assert (curve["epochs"][0], curve["epochs"][-1]) == (1, 2400)
    assert answer["warnings"][-1].startswith("Long curves are thinned")
    assert compared(client, run_id, curves=False)["warnings"] == answer["warnings"]


def test_without_curves_all_else_is_the_same_and_no_series_is_read(
    settings: Settings, database: Database
) -> None:
    client = clients.operator(create_app(settings, database, Bell(Broker(NOBODY))))  # without its threads
    ids = scenes.launch(database, 3)
    complete(database, epoch(0.3, 2.0), epoch(0.4, 3.0))
    complete(database, epoch(0.3, 2.0), epoch(0.4, 3.0, train_loss=float("inf")))
    complete(database, epoch(0.3, float("nan")), epoch(0.4, 3.0))
    for asked in (ids[:2], ids):
        whole = compared(client, *asked)
        assert compared(client, *asked, curves=False) == {**whole, "series": {}}
        assert whole["items"][0]["seconds"] == (5.0 if len(asked) == 2 else None)
    sent = sent_by(database, lambda: compared(client, *ids, curves=False))
    # The rules that compare runs read how the first epochs went, however long a run is.
    assert [one for one in sent if "ORDER BY point." in one and "point.step <= " not in one] == []


def test_a_last_value_that_is_no_number_keeps_its_name(client: TestClient, database: Database) -> None:
    ids = scenes.launch(database, 2)
    complete(database, epoch(0.3))
    complete(database, epoch(0.3, train_loss=float("nan")))
    (item,) = compared(client, *ids)["items"]
    assert item["final"]["train_loss"] == {"value": None, "nonfinite": "nan"}
    assert item["final"]["test_loss"] == {"value": 1.0, "nonfinite": None}


def test_the_seeds_of_a_recipe_are_one_item(client: TestClient, database: Database) -> None:
    ids = scenes.launch(database, 3)
    (other,) = scenes.launch(database, epochs=7)
    for value in (0.50, 0.51, 0.52, 0.40):
        complete(database, epoch(value))
    answer = compared(client, ids[1], other, ids[0], ids[2], ids[1])
    first, second = answer["items"]
    assert (first["runs"], second["runs"]) == (ids, [other])
    assert (first["accuracy"]["kind"], first["accuracy"]["mean"]) == ("t", pytest.approx(0.51))
    assert first["final"]["test_acc"]["value"] == pytest.approx(0.51)
    assert [run["id"] for run in answer["runs"]] == [ids[1], other, ids[0], ids[2]]
    assert answer["verdict"]["question"] is None
    assert "7 epochs has 1 seed: 3 of each are needed" in answer["verdict"]["text"]
    assert answer["verdict"]["more_seeds"] == [
        {"recipe": second["recipe"], "label": "7 epochs", "clone": other, "seeds": [1, 2]}
    ]


def test_only_the_runs_that_were_asked_for_count(client: TestClient, database: Database) -> None:
    ids = scenes.launch(database, 3)
    for value in (0.50, 0.51, 0.52):
        complete(database, epoch(value))
    (item,) = compared(client, ids[2])["items"]
    assert (item["accuracy"]["kind"], item["accuracy"]["mean"]) == ("wilson", 0.52)
    assert item["next_seeds"] == [3, 4]  # the others are taken all the same


def test_what_is_on_its_way_is_shown_and_not_ranked(client: TestClient, database: Database) -> None:
    (done,) = scenes.launch(database)
    (running,) = scenes.launch(database, epochs=7)
    (queued,) = scenes.launch(database, epochs=8)
    complete(database, epoch(0.5), images=100)
    claimed = scenes.claim(database)
    scenes.report(database, claimed, 1, epoch(0.7))
    answer = compared(client, done, running, queued)
    assert answer["verdict"]["text"].startswith("Only 5 epochs has a completed run: test accuracy 50.0%")
    second, third = answer["items"][1:]
    assert (second["so_far"], second["final"]["test_acc"]["value"], second["accuracy"]["kind"]) == (
        True,
        0.7,
        "none",
    )
    assert (third["final"]["test_acc"]["value"], third["best"]) == (None, None)
    assert answer["warnings"] == ["2 runs of 3 are on the way and will count once completed."]
    assert [run["counted"] for run in answer["runs"]] == [True, False, False]


def test_what_does_not_count_is_told(client: TestClient, database: Database) -> None:
    first, again = *scenes.launch(database), *scenes.launch(database)
    (failed,) = scenes.launch(database, epochs=7)
    complete(database, epoch(0.4))
    complete(database, epoch(0.5))
    claimed = scenes.claim(database)
    scenes.report(database, claimed, 1, epoch(0.9))
    assert scenes.end(database, claimed, RunState.FAILED)
    answer = compared(client, first, again, failed)
    assert answer["warnings"] == [
        f"Run {failed} has not completed: it is drawn and not counted.",
        f"Run {first} of 5 epochs repeats a seed that counts once, by its newest run.",
    ]
    assert answer["items"][0]["accuracy"]["values"] == [0.5]
    assert answer["items"][1]["final"]["test_acc"]["value"] is None


def test_recipes_on_other_test_images_are_not_ranked(client: TestClient, database: Database) -> None:
    (one,) = scenes.launch(database)
    (other,) = scenes.launch(database, dataset={"name": "shapes", "test_limit": 500})
    complete(database, epoch(0.4), images=None)
    complete(database, epoch(0.5), images=None)
    answer = compared(client, one, other)
    assert "It is not known whether these recipes were tested on the same" in answer["verdict"]["text"]
    assert answer["verdict"]["best"] is None
    (glyphs,) = scenes.launch(database, dataset={"name": "glyphs"})
    complete(database, epoch(0.5), images=None)
    assert "were not tested on the same images" in compared(client, one, glyphs)["verdict"]["text"]


def test_a_recipe_whose_predictions_are_not_stored_is_ranked_by_what_its_spec_says(
    client: TestClient, database: Database
) -> None:
    (one,) = scenes.launch(database)
    (other,) = scenes.launch(database, epochs=7)
    complete(database, epoch(0.4), images=None)
    complete(database, epoch(0.5))
    answer = compared(client, one, other)["verdict"]
    assert "same images" not in answer["text"]
    assert answer["best"] is not None


def test_a_parent_is_named_where_recipes_differ_by_it(client: TestClient, database: Database) -> None:
    (parent,) = scenes.launch(database)
    complete(database, epoch(0.4))
    child = scenes.launch_child(database, parent)
    answer = compared(client, parent, child)
    starts = {field["path"]: list(field["values"].values()) for field in answer["differs"]}
    assert starts["model.weights.parent"] == ["none", "run 0"]


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("", 422, "run"),
        ("?run=99", 404, "There is no run 99."),
        ("?run=0", 422, "run.0 is '0'"),
        ("?run=x", 422, "run.0 is 'x'"),
        ("?run=9007199254740993", 422, "run.0 is"),
        ("?" + "&".join(f"run={n}" for n in range(1, 1002)), 422, "run is"),
        ("?" + "&".join(f"recipe={n:012x}" for n in range(1, 202)), 422, "recipe is"),
        ("?recipe=0123456789ab", 404, "There is no recipe '0123456789ab'."),
        ("?recipe=xyz", 422, "recipe.0 is 'xyz'"),
        ("?run=1&value=first", 422, "value is 'first'"),
        ("?run=1&target=1.5", 422, "target is '1.5'"),
        ("?run=1&target=nan", 422, "target is 'nan'"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused_in_one_sentence(
    client: TestClient, query: str, status: int, says: str
) -> None:
    answer = client.get(f"/api/compare{query}")
    assert answer.status_code == status
    assert says in message(answer)


def test_one_unknown_run_among_others_is_named(client: TestClient, database: Database) -> None:
    (run_id,) = scenes.launch(database)
    answer = client.get(f"/api/compare?run={run_id}&run=77")
    assert (answer.status_code, message(answer)) == (404, "There is no run 77.")


def test_a_comparison_takes_the_same_statements_for_many_runs_as_for_two(
    settings: Settings, database: Database
) -> None:
    client = clients.operator(create_app(settings, database, Bell(Broker(NOBODY))))  # without its threads
    ids = [*scenes.launch(database), *scenes.launch(database, epochs=7)]
    few = statements(database, lambda: compared(client, *ids))
    many = [run for epochs in range(8, 20) for run in scenes.launch(database, 4, epochs=epochs)]
    assert statements(database, lambda: compared(client, *ids, *many)) == few
    assert few <= 17


def test_the_time_is_known_up_to_the_first_epoch_without_one() -> None:
    assert elapsed_seconds(Series([1, 2, 3], [2.0, 3.0, 4.0])) == {1: 2.0, 2: 5.0, 3: 9.0}
    assert elapsed_seconds(Series([1, 2, 3], [2.0, None, 4.0])) == {1: 2.0}
    assert elapsed_seconds(Series([2, 3], [2.0, 4.0])) == {}


def test_a_long_curve_is_thinned_and_loses_no_peak_no_gap_and_no_end() -> None:
    values: list[float | None] = [0.5] * 10_000
    values[1233], values[5677], values[7776] = 0.9, 0.1, None
    series = Series(list(range(1, 10_001)), values, {7777: "inf"})
    curve = curves({"test_acc": series}, runs=50)["test_acc"]
    assert curve.thinned and len(curve.epochs) <= 500
    assert {1, 1234, 5678, 7777, 10_000} <= set(curve.epochs)
    assert curve.epochs == sorted(curve.epochs)
    assert curve.values[curve.epochs.index(7777)] is None
    assert curve.nonfinite == {7777: "inf"}
    short = Series(series.epochs[:500], values[:500])
    assert curves({"test_acc": short}, runs=50)["test_acc"].epochs == short.epochs
