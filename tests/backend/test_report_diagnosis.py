"""Section 3's diagnosis of stored runs: softmax applied twice, seen or not, and what the corrected twin shows. By hand."""

import math
from typing import Any

from backend.contract import RunState
from backend.report.diagnosis import diagnosis
from backend.store.points import Series
from backend.store.reports import StoredRun

TOP = math.log(math.e + 9)
"""2.4612: loss and accuracy of certain answers among ten classes add up to it."""


def a_run(losses: list[float | None], accuracies: list[float | None]) -> StoredRun:
    epochs = list(range(1, len(losses) + 1))
    series: Any = {"train_loss": Series(epochs, losses), "train_acc": Series(epochs, accuracies)}
    nothing: Any = dict.fromkeys(
        ("reason", "detail", "progress", "parent_id", "started_at", "finished_at"), None
    )
    return StoredRun(
        id=1,
        name="a run",
        recipe="0" * 64,
        seed=0,
        epochs=len(losses),
        state=RunState.COMPLETED,
        attempt=1,
        series=series,
        **nothing,
    )


def test_three_epochs_at_the_sum_are_softmax_twice() -> None:
    accuracies: list[float | None] = [0.3, 0.5, 0.9, 0.95]
    losses = [1.9, *(TOP - (accuracy or 0) for accuracy in accuracies[1:])]
    said = diagnosis(a_run([*losses], accuracies), None, 10)
    assert said is not None
    assert "ln(e + 9) = 2.4612 in 3 of 4 epochs: softmax is applied twice here as well" in said
    assert "twin" not in said


def test_two_epochs_are_not_enough_and_a_gap_fits_nothing() -> None:
    said = diagnosis(a_run([TOP - 0.5, TOP - 0.5, None], [0.5, 0.5, 0.5]), None, 10)
    assert said is not None
    assert "in 2 of 3 epochs: the loss is taken of probabilities" in said


def test_a_twin_under_the_floor_shows_what_the_doubled_softmax_cannot() -> None:
    run = a_run([TOP - 0.5] * 3, [0.5] * 3)
    under, above = (diagnosis(run, a_run([2.0, least], [0.5, 0.5]), 10) for least in (1.2, 1.7))
    assert under is not None and above is not None
    assert under.endswith("goes down to 1.200, under the floor of 1.4612 that the doubled softmax has.")
    assert above.endswith("goes down to 1.700: not under 1.4612, so the floor itself is no difference yet.")


def test_nothing_stored_or_unknown_classes_say_nothing() -> None:
    assert diagnosis(None, None, 10) is None
    assert diagnosis(a_run([], []), None, 10) is None
    assert diagnosis(a_run([2.0], [0.5]), None, None) is None
