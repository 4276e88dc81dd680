"""A cell of a published table beside its runs: solved by hand, and at the edges (no run, one, two, no variance, NaN)."""

import math

import pytest

from backend.analysis.intervals import wilson
from backend.analysis.replication import DEFAULT_TOLERANCE_POINTS, measured, replicated

T2 = 4.302652729911275
"""The quantile of Student's t that leaves 2.5% above it, with two degrees of freedom."""


def outcome(published: float, values: list[float], metric: str = "test_acc", **more: object) -> str | None:
    cell = replicated(published, measured(values), metric=metric, **more)  # pyright: ignore
    return cell.judgement.outcome if cell.judgement else None


def test_three_seeds_have_the_half_width_of_their_mean_and_are_judged_by_that_of_one_run() -> None:
    # s = 0.02. The mean's half-width is t s / sqrt(3) = 0.0497, that of one more run t s sqrt(4/3) = 0.0994.
    found = measured([0.88, 0.90, 0.92])
    assert (found.kind, found.n, found.mean) == ("t", 3, pytest.approx(0.9))
    assert found.half_width == pytest.approx(T2 * 0.02 / math.sqrt(3), rel=1e-9)
    # 0.96 lies outside the interval of the mean, and inside that of one run: a faithful repetition.
    cell = replicated(0.96, found, metric="test_acc")
    assert cell.judgement is not None
    assert (cell.judgement.outcome, cell.delta) == ("reproduced", pytest.approx(-0.06))
    assert outcome(1.0, [0.88, 0.90, 0.92]) == "below"
    assert outcome(0.80, [0.88, 0.90, 0.92]) == "better"


def test_verdicts_come_in_their_order() -> None:
    differing = ["data set", "epochs"]
    assert outcome(0.9, [], differing=differing) == "not run yet"
    assert outcome(0.9, [0.9] * 4, differing=differing) == "protocol differs"
    assert outcome(0.9, [0.9, 0.9]) == "not enough seeds"
    assert outcome(0.9, [0.9, 0.9, 0.9]) == "reproduced"


def test_nothing_was_measured() -> None:
    found = measured([])
    assert (found.kind, found.n, found.mean, found.half_width) == ("none", 0, None, None)


def test_one_run_has_no_half_width_and_its_own_interval_where_its_images_are_counted() -> None:
    assert measured([0.9]).kind == "one"
    found = measured([0.9], images=100)
    assert (found.kind, found.interval, found.half_width) == ("wilson", wilson(0.9, 100), None)
    # A loss above one is no share of images.
    assert measured([2.3], images=100).kind == "one"


def test_of_two_runs_both_are_shown_and_none_is_judged() -> None:
    found = measured([0.89, 0.91])
    assert (found.kind, found.values, found.half_width) == ("two", (0.89, 0.91), None)
    cell = replicated(0.897, found, metric="test_acc")
    assert cell.judgement is not None
    assert (cell.judgement.outcome, cell.delta) == ("not enough seeds", pytest.approx(0.003))


def test_seeds_without_variance_have_a_width_of_zero_and_the_tolerance_decides() -> None:
    found = measured([0.1, 0.1, 0.1])
    assert found.half_width == 0
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (pytest.approx(0.1), pytest.approx(0.1))
    assert outcome(0.1, [0.1] * 3) == "reproduced"
    assert outcome(0.11, [0.1] * 3) == "below"
    assert outcome(0.11, [0.1] * 3, tolerance_points=1.0) == "reproduced"


def test_a_tolerance_in_points_widens_losses_by_hundredths_of_a_nat() -> None:
    assert DEFAULT_TOLERANCE_POINTS == 0.05
    losses = [0.30, 0.30, 0.30]
    assert outcome(0.305, losses, "train_loss", tolerance_points=0.5) == "reproduced"
    assert outcome(0.305, losses, "train_loss", tolerance_points=0.4) == "better"
    # Of a loss the higher one is the worse one.
    assert outcome(0.2, losses, "train_loss") == "below"


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_run_that_ended_in_no_number_leaves_no_mean_and_is_told(wrong: float) -> None:
    found = measured([0.9, 0.9, 0.9, wrong])
    assert (found.kind, found.n, found.mean, found.half_width) == ("not a number", 4, None, None)
    assert outcome(0.9, [0.9, 0.9, 0.9, wrong]) == "not a number"


def test_a_published_cell_that_cannot_be_read_stays_empty() -> None:
    cell = replicated(None, measured([0.88, 0.90, 0.92]), metric="test_acc")
    assert (cell.judgement, cell.delta, cell.measured.n) == (None, None, 3)


def test_a_tolerance_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match=r"-0\.01"):
        replicated(0.9, measured([0.9] * 3), metric="test_acc", tolerance_points=-1)
