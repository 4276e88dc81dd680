"""The two tests of a comparison over HTTP: two trained models on their images, two recipes over their seeds."""

from collections.abc import Iterator
from typing import Any

import pytest
from scipy import stats as scipy_stats
from starlette.testclient import TestClient

from backend.analysis.paired_models import paired_models
from backend.app import create_app
from backend.broker import Broker
from backend.contract import RunState
from backend.queue import Bell
from backend.settings import Settings
from backend.store import predictions
from backend.store.predictions import NewMistakes
from backend.store.session import Database
from tests.backend import clients
from tests.backend.test_api import NOBODY, message
from tests.backend.test_compare_api import compared, epoch
from tests.backend.test_recipes_api import complete
from tests.store import scenes

stats: Any = scipy_stats  # its results are tuples with names that its types do not tell

SET, OTHER_SET = "ab" * 32, "cd" * 32
NAMES = ["cat", "dog"]
# Ten images: both right on 0; the first alone on 1 to 7; the second alone on 8; both wrong on 9.
LABELS = bytes([0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
FIRST = bytes([0, 0, 0, 0, 0, 0, 1, 1, 0, 0])
SECOND = bytes([0, 1, 1, 1, 1, 1, 0, 0, 1, 0])


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[TestClient]:
    app = create_app(settings, database, Bell(Broker(NOBODY)))
    with clients.operator(app) as client:
        yield client


def trained(
    database: Database, predicted: bytes, test_set: str = SET, mistakes: NewMistakes | None = None
) -> int:
    """Return a completed run that predicted these classes for the ten images."""
    (run_id,) = scenes.launch(database)
    claimed = scenes.claim(database)
    with database.write() as session:
        predictions.describe_test_set(session, test_set, NAMES, LABELS)
    told = (test_set, predicted)
    assert scenes.report(database, claimed, 1, {"test_acc": 0.5}, predictions=told, mistakes=mistakes)
    assert scenes.end(database, claimed, RunState.COMPLETED)
    return run_id


def models(client: TestClient, a: int, b: int, **query: Any) -> dict[str, Any]:
    answer = client.get("/api/compare/models", params={"a": a, "b": b, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_two_models_are_paired_image_by_image(client: TestClient, database: Database) -> None:
    pictures = NewMistakes([3], [0.9], {3: b"png"})
    first, second = trained(database, FIRST), trained(database, SECOND, mistakes=pictures)
    found = models(client, first, second)
    assert found["table"] == {"both_right": 1, "only_first": 7, "only_second": 1, "both_wrong": 1}
    # By hand: 8 disagreements, 7 to 1: 2 (1 + 8) / 2^8.
    assert (found["p"], found["separated"]) == (18 / 256, False)
    assert found["p"] == pytest.approx(stats.binomtest(1, 8).pvalue, abs=1e-12)
    assert (found["first"]["accuracy"], found["second"]["accuracy"]) == (0.8, 0.2)
    assert found["difference"] == pytest.approx(0.6)
    assert found["low"] < 0.6 < found["high"]
    # 1.96 sqrt(d / n) with d = 0.8 and n = 10; for 80% power (1.96 + 0.8416) of it would be 0.79, within reach of 8 images.
    assert found["smallest"] == pytest.approx(1.959964 * (0.8 / 10) ** 0.5, abs=1e-6)
    assert found["smallest_with_power"] == pytest.approx(2.801585 * (0.8 / 10) ** 0.5, abs=1e-6)
    assert found["text"].startswith(f"Run {first} got 7 of the 8 images")
    cat, dog = found["classes"]
    assert (cat["images"], cat["first"], cat["second"]) == (6, 1.0, pytest.approx(1 / 6))
    assert (dog["images"], dog["difference"]) == (4, pytest.approx(0.25))
    assert found["confusion_difference"] == [[5, -5], [-1, 1]]
    got = found["only_first"]
    # The one with a picture comes first.
    assert [image["number"] for image in got["images"]] == [3, 1, 2, 4, 5, 6, 7]
    assert got["images"][0] == {
        "number": 3,
        "true": "cat",
        "taken_for": "dog",
        "href": f"/api/test-images/{SET}/3.png",
    }
    assert got["images"][1]["href"] is None
    assert found["only_second"] == {
        "count": 1,
        "images": [{"number": 8, "true": "dog", "taken_for": "cat", "href": None}],
    }


def test_the_other_way_round_is_the_same_test_with_the_signs_turned(
    client: TestClient, database: Database
) -> None:
    first, second = trained(database, FIRST), trained(database, SECOND)
    one, other = models(client, first, second, images=2), models(client, second, first, images=2)
    assert (one["p"], one["difference"]) == (other["p"], -other["difference"])
    assert (one["only_first"]["count"], len(one["only_first"]["images"])) == (7, 2)
    assert other["only_second"] == one["only_first"]


def test_models_with_the_same_answers_have_nothing_to_tell_them_apart(
    client: TestClient, database: Database
) -> None:
    found = models(client, trained(database, FIRST), trained(database, FIRST))
    assert (found["p"], found["difference"], found["smallest"]) == (1.0, 0.0, None)
    assert "the very same" in found["text"]


def test_models_that_cannot_be_paired_are_refused_in_one_sentence(
    client: TestClient, database: Database
) -> None:
    first, other = trained(database, FIRST), trained(database, FIRST, OTHER_SET)
    without = complete(database, epoch(0.5), images=None) if scenes.launch(database) else 0
    for a, b, status, says in (
        (
            first,
            other,
            409,
            f"Runs {first} and {other} were not tested on the same images (10 each); models are",
        ),
        (first, without, 404, f"Run {without} has no predictions yet"),
        (first, first, 422, f"a and b are both run {first}: two different runs"),
        (first, 99, 404, "There is no run 99."),
    ):
        answer = client.get("/api/compare/models", params={"a": a, "b": b})
        assert (answer.status_code, says in message(answer)) == (status, True), message(answer)
    assert client.get("/api/compare/models?a=1").status_code == 422


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ([1, 1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0, 0], "A got 6 of the 6 images"),
        ([1, 0], [0, 1], "A and b are right equally often, and each got one"),
        ([1, 1, 0, 0], [0, 0, 1, 1], "A and b are right equally often, and each got as many"),
    ],
)
def test_what_is_said_of_two_models(first: list[int], second: list[int], says: str) -> None:
    found = paired_models([1] * len(first), first, second)
    assert found.told("a", "b").startswith(says)
    assert found.is_separated == ("unlikely to be chance" in found.told("a", "b"))


def pair(
    client: TestClient, runs: list[int], first: int = 0, second: int = 1, **query: Any
) -> dict[str, Any]:
    hashes = [item["recipe"] for item in compared(client, *runs)["items"]]
    params = {"run": runs, "first": hashes[first], "second": hashes[second], **query}
    answer = client.get("/api/compare/pair", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def recipes(database: Database, *values: list[float]) -> list[int]:
    """Return the completed runs of recipes with these accuracies, a seed each."""
    runs = []
    for place, own in enumerate(values):
        runs += scenes.launch(database, len(own), optimizer={"lr": 0.1 + place})
        for value in own:
            complete(database, epoch(value))
    return runs


A, B, C = [0.50, 0.52, 0.53], [0.60, 0.61, 0.65], [0.40, 0.43, 0.41]


def test_two_recipes_are_tested_over_seeds_as_scipy_does_and_corrected_for_all_pairs(
    client: TestClient, database: Database
) -> None:
    runs = recipes(database, A, B, C)
    found = pair(client, runs)
    welch, paired = stats.ttest_ind(A, B, equal_var=False), stats.ttest_rel(A, B)
    assert (found["welch"]["p"], found["welch"]["t"]) == (
        pytest.approx(welch.pvalue, abs=1e-9),
        pytest.approx(welch.statistic, abs=1e-9),
    )
    assert found["paired"]["test"]["p"] == pytest.approx(paired.pvalue, abs=1e-9)
    assert found["paired"]["seeds"] == [0, 1, 2]
    raw = {
        name: stats.ttest_ind(*two, equal_var=False).pvalue
        for name, two in {"ab": (A, B), "ac": (A, C), "bc": (B, C)}.items()
    }
    ordered = sorted(raw, key=lambda name: raw[name])
    steps, highest = {}, 0.0
    for rank, name in enumerate(ordered):
        highest = max(highest, min(1.0, (3 - rank) * raw[name]))
        steps[name] = highest
    assert (found["p"], found["family"]) == (pytest.approx(steps["ab"], abs=1e-9), 3)
    assert found["separated"] == (steps["ab"] < 0.05)
    assert found["told"].endswith("corrected by Holm for all 3 pairs.")
    assert found["first"]["label"] == "lr 0.1"
    alone = pair(client, runs[:6])
    assert (alone["p"], alone["family"]) == (pytest.approx(welch.pvalue, abs=1e-9), 1)


def test_the_seeds_that_would_settle_it_are_those_that_no_run_has(
    client: TestClient, database: Database
) -> None:
    runs = recipes(database, [0.50, 0.52, 0.54], [0.53, 0.55, 0.57])
    settle = pair(client, runs)["settle"]
    assert (settle["kind"], settle["further"] > 0, settle["power"] >= 0.8) == ("more", True, True)
    assert [one["seeds"] for one in settle["seeds"]] == [list(range(3, 3 + settle["further"]))] * 2
    assert settle["seeds"][0]["clone"] == runs[2]
    assert settle["caution"].startswith("Decide on the number first")


def test_seeds_that_are_on_their_way_are_not_asked_for_again(client: TestClient, database: Database) -> None:
    runs = recipes(database, [0.50], [0.53])
    # Two more of each are queued: the button was pressed.
    queued = [
        run_id
        for lr in (0.1, 1.1)
        for run_id in scenes.launch(database, 3, optimizer={"lr": lr})[1:]  # seed 0 is there already
    ]
    settle = pair(client, [*runs, *queued])["settle"]
    assert settle["seeds"] == []


def test_with_one_seed_each_the_seeds_up_to_three_are_offered(client: TestClient, database: Database) -> None:
    found = pair(client, recipes(database, [0.50], [0.53]))
    assert (found["welch"], found["p"], found["separated"]) == (None, None, None)
    assert found["told"].startswith("No test: two seeds of each are the least")
    assert [one["seeds"] for one in found["settle"]["seeds"]] == [[1, 2], [1, 2]]


def test_without_a_spread_there_is_no_p(client: TestClient, database: Database) -> None:
    found = pair(client, recipes(database, [0.5] * 3, [0.6] * 3))
    assert (found["welch"], found["separated"], found["settle"]["kind"]) == (None, None, "unknown")
    assert found["told"] == "They differ in every run, and neither has a spread to judge the difference by."
    assert found["settle"]["seeds"] == []


def test_a_pair_is_of_two_recipes_that_are_compared(client: TestClient, database: Database) -> None:
    runs = recipes(database, [0.5], [0.6])
    (mine, other) = (item["recipe"] for item in compared(client, *runs)["items"])
    for first, second, says in (
        (mine, mine, f"first and second are both recipe {mine}"),
        (mine, "0123456789ab", "Recipe 0123456789ab is none of those"),
    ):
        answer = client.get("/api/compare/pair", params={"run": runs, "first": first, "second": second})
        assert (answer.status_code, says in message(answer)) == (422, True)
    waiting = scenes.launch(database, epochs=9)
    assert pair(client, [runs[0], *waiting])["told"].endswith("one of them has no completed run yet.")
    assert other != mine
