"""Confusion, wrongly classified images and raw output: the numbers by hand, and over HTTP."""

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from backend.analysis.confusion import confusion, decoded
from backend.analysis.raw_output import raw_output
from backend.app import create_app
from backend.broker import Broker
from backend.queue import Bell
from backend.settings import Settings
from backend.store import predictions
from backend.store.predictions import NewMistakes
from backend.store.session import Database
from tests.backend import clients
from tests.backend.test_api import NOBODY, message
from tests.store import scenes

NAMES = ["cat", "dog", "frog"]


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[TestClient]:
    app = create_app(settings, database, Bell(Broker(NOBODY)))
    with clients.operator(app) as client:
        yield client


def test_pairs_are_counted_by_true_and_predicted_class() -> None:
    found = confusion(labels=bytes([0, 0, 0, 1]), predicted=bytes([0, 1, 1, 1]), classes=3)
    assert found.counts == [[1, 2, 0], [0, 1, 0], [0, 0, 0]]
    assert found.accuracies() == [pytest.approx(1 / 3), 1.0, None]
    assert found.largest_share() == (1, 0.75)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=200))
def test_every_image_is_counted_in_its_class(pairs: list[tuple[int, int]]) -> None:
    labels = [true for true, _ in pairs]
    found = confusion(bytes(labels), bytes(guess for _, guess in pairs), 5)
    assert [sum(row) for row in found.counts] == [labels.count(true) for true in range(5)]
    right = sum(found.counts[true][true] for true in range(5))
    assert right == sum(true == guess for true, guess in pairs)
    share = found.largest_share()
    assert (share is None) == (not pairs)
    assert share is None or share[1] >= 1 / 5


def test_more_than_256_classes_take_two_bytes_each_the_low_one_first() -> None:
    assert decoded(bytes([255, 1]), 256) == (255, 1)
    assert decoded(bytes([255, 1]), 257) == (511,)
    assert confusion(bytes([44, 1]), bytes([0, 0]), 301).counts[300][0] == 1
    with pytest.raises(ValueError, match="half a class number"):
        decoded(b"\0", 257)


def test_what_does_not_fit_together_is_not_counted() -> None:
    with pytest.raises(ValueError, match="shorter"):
        confusion(b"\0\0", b"\0", 2)
    with pytest.raises(ValueError, match="Class 2 is"):
        confusion(b"\0", b"\2", 2)


def test_a_saturated_network_answers_one_class_always() -> None:
    assert confusion(bytes(range(10)), bytes([7] * 10), 10).largest_share() == (7, 1.0)


def test_raw_output_names_what_was_trained_and_marks_gaps_and_what_is_no_number() -> None:
    series = {
        "train_loss": {1: 2.3026, 2: math.nan, 3: math.inf},
        "train_acc": {1: 0.1, 3: -math.inf},
        "test_acc": {1: 0.09999, 2: 0.5},
        "lr": {4: 1.0},
    }
    text = raw_output("A title", "abc", {"seed": 3, "optimizer": {"lr": 0.05, "x": None}}, series)
    assert text.splitlines() == [
        "# A title",
        "# recipe: abc",
        "# seed: 3",
        "# optimizer.lr: 0.05",
        "epoch, training loss, training accuracy, testing accuracy",
        "1, 2.303, 0.100, 0.100",
        "2, NaN, -, 0.500",
        "3, Inf, -Inf, -",
    ]


def trained(database: Database) -> int:
    """Launch a run of two epochs, the first of them the better one."""
    (run_id,) = scenes.launch(database)
    claimed = scenes.claim(database)
    with database.write() as session:
        predictions.describe_test_set(session, "t" * 64, NAMES, bytes([0, 1, 2, 2]))
    scenes.report(database, claimed, 1, {"test_acc": 0.75}, None, ("t" * 64, bytes([0, 1, 2, 0])))
    metrics = {"train_loss": math.nan, "test_acc": 0.25}
    scenes.report(database, claimed, 2, metrics, None, ("t" * 64, bytes([1, 1, 1, 1])))
    return run_id


def test_predictions_are_told_of_the_last_and_of_the_best_epoch(
    client: TestClient, database: Database
) -> None:
    run_id = trained(database)
    assert client.get(f"/api/runs/{run_id}/predictions").json() == {
        "epoch": 2,
        "count": 4,
        "classes": NAMES,
        "confusion": [[0, 1, 0], [0, 1, 0], [0, 2, 0]],
        "per_class_accuracy": [0.0, 1.0, 0.0],
        "largest_share": {"class": "dog", "share": 1.0},
    }
    best = client.get(f"/api/runs/{run_id}/predictions?which=best").json()
    assert (best["epoch"], best["per_class_accuracy"]) == (1, [1.0, 1.0, 0.5])


def test_predictions_that_are_not_there_are_404_and_others_are_422(
    client: TestClient, database: Database
) -> None:
    (run_id,) = scenes.launch(database)
    answer = client.get(f"/api/runs/{run_id}/predictions")
    assert answer.status_code == 404
    assert (
        message(answer)
        == f"Run {run_id} has no predictions yet: they come with the first epoch that is done."
    )
    assert client.get("/api/runs/99/predictions").status_code == 404
    assert client.get(f"/api/runs/{run_id}/predictions?which=first").status_code == 422


def test_the_raw_output_is_plain_text(client: TestClient, database: Database) -> None:
    run_id = trained(database)
    answer = client.get(f"/api/runs/{run_id}/output")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    lines = answer.text.splitlines()
    assert lines[0] == "# run 0"
    assert "# optimizer.lr: 0.05" in lines
    assert lines[-2:] == ["1, -, -, 0.750", "2, NaN, -, 0.250"]
    assert client.get("/api/runs/99/output").status_code == 404


PNG = b"\x89PNG\r\n\x1a\n not looked into"
TEST_SET = "7" * 64


def mistaken(database: Database, mistakes: NewMistakes | None) -> int:
    """Launch a run of one epoch that takes images 1 and 3 for another class."""
    (run_id,) = scenes.launch(database)
    claimed = scenes.claim(database)
    with database.write() as session:
        predictions.describe_test_set(session, TEST_SET, NAMES, bytes([0, 1, 2, 2]))
    said = (TEST_SET, bytes([0, 2, 2, 0]))
    assert scenes.report(database, claimed, 1, {"test_acc": 0.5}, None, said, mistakes)
    return run_id


def test_wrongly_classified_images_are_told_with_where_their_pictures_are(
    client: TestClient, database: Database
) -> None:
    run_id = mistaken(database, NewMistakes([3, 1], [0.98, 0.4], {3: PNG}))
    for which in ("last", "best"):
        told = client.get(f"/api/runs/{run_id}/mistakes?which={which}").json()
        assert (told["epoch"], told["wrong"], told["count"]) == (1, 2, 4)
        href = f"/api/test-images/{TEST_SET}/3.png"
        first = {"number": 3, "true": "frog", "predicted": "cat", "probability": 0.98, "href": href}
        second = {"number": 1, "true": "dog", "predicted": "frog", "probability": 0.4, "href": None}
        assert told["images"] == [first, second]


def test_a_picture_is_a_png_that_may_be_kept_for_ever(client: TestClient, database: Database) -> None:
    mistaken(database, NewMistakes([3], [0.98], {3: PNG}))
    answer = client.get(f"/api/test-images/{TEST_SET}/3.png")
    assert answer.content == PNG
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "path",
    [
        f"{TEST_SET}/4.png",
        f"{TEST_SET}/-1.png",
        f"{TEST_SET}/{10**30}.png",
        f"{TEST_SET}/{'9' * 5000}.png",
        f"{TEST_SET}/3",
        f"{TEST_SET}/3.jpg",
        f"{TEST_SET}/\u0663.png",
        f"{'f' * 64}/3.png",
        f"{TEST_SET[:63]}/3.png",
        f"{'G' * 64}/3.png",
        "../3.png",
        "%2e%2e/3.png",
        f"{TEST_SET}/..%2f3.png",
        f"{TEST_SET}/%00.png",
    ],
)
def test_what_is_no_stored_picture_is_404(client: TestClient, database: Database, path: str) -> None:
    mistaken(database, NewMistakes([3], [0.98], {3: PNG}))
    answer = client.get(f"/api/test-images/{path}")
    assert answer.status_code == 404
    assert message(answer)


def test_an_epoch_whose_wrong_images_were_not_kept_counts_them_all_the_same(
    client: TestClient, database: Database
) -> None:
    run_id = mistaken(database, None)
    told = client.get(f"/api/runs/{run_id}/mistakes").json()
    assert told == {"epoch": 1, "wrong": 2, "count": 4, "images": []}


def test_wrongly_classified_images_that_are_not_there_are_404_and_others_are_422(
    client: TestClient, database: Database
) -> None:
    (run_id,) = scenes.launch(database)
    answer = client.get(f"/api/runs/{run_id}/mistakes")
    assert answer.status_code == 404
    assert message(answer).startswith(f"Run {run_id} has no predictions yet")
    assert client.get("/api/runs/99/mistakes").status_code == 404
    assert client.get(f"/api/runs/{run_id}/mistakes?which=first").status_code == 422
