"""A published number by the interval of one further run: by hand, by simulation, and each verdict in its order."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.analysis.intervals import Interval, student_t
from backend.analysis.prediction import PRINTED, judge, prediction_interval
from tests.backend import by_definition

T2 = 4.302652729911275


def test_the_interval_of_one_further_run_is_as_worked_by_hand() -> None:
    # Values 0.88, 0.90, 0.92: s = 0.02, and t s sqrt(1 + 1/3) = 4.3027 x 0.02 x 1.1547 = 0.0994.
    half = T2 * 0.02 * math.sqrt(4 / 3)
    assert half == pytest.approx(0.0994, abs=5e-5)
    found = prediction_interval([0.88, 0.90, 0.92])
    assert found == Interval(pytest.approx(0.9 - half, rel=1e-9), pytest.approx(0.9 + half, rel=1e-9))


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_the_interval_agrees_with_its_definition_in_exact_fractions(seed: int) -> None:
    chance = random.Random(seed)
    values = [chance.uniform(0.2, 0.9) for _ in range(chance.randint(3, 15))]
    mean, variance = by_definition.moments(values)
    n = len(values)
    half = by_definition.student_quantile(n - 1) * math.sqrt(variance * (n + 1) / n)
    found = prediction_interval(values)
    assert found.low == pytest.approx(float(mean) - half, rel=1e-9, abs=1e-12)
    assert found.high == pytest.approx(float(mean) + half, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("n", "missed_by_the_mean"), [(3, 0.16), (10, 0.51)])
def test_it_holds_a_faithful_replication_as_often_as_it_says_and_that_of_the_mean_does_not(
    n: int, missed_by_the_mean: float
) -> None:
    chance, rounds = np.random.default_rng(n), 4000
    held = outside_the_mean = 0
    for drawn in chance.normal(0.9, 0.01, size=(rounds, n + 1)):
        published, *values = drawn.tolist()
        held += judge(published, values, tolerance=0).outcome == "reproduced"
        mean = student_t(values)
        outside_the_mean += not mean.low <= published <= mean.high
    # Four standard errors.
    assert held / rounds == pytest.approx(0.95, abs=0.014)
    assert outside_the_mean / rounds == pytest.approx(missed_by_the_mean, abs=0.032)


def test_what_was_published_inside_is_reproduced_and_outside_is_below_or_better() -> None:
    values = [0.896, 0.897, 0.898]  # half-width 4.3027 x 0.001 x 1.1547 = 0.00497
    assert judge(0.897, values).outcome == "reproduced"
    assert judge(0.9015, values).outcome == "reproduced"
    above = judge(0.91, values)
    assert (above.outcome, above.delta, above.n) == ("below", pytest.approx(-0.013), 3)
    assert above.text == (
        "Below: −1.3 points; one more run would lie between 89.2% and 90.2% (95%, by 3 seeds); tolerance 0.05 points."
    )
    assert judge(0.88, values).outcome == "better"


def test_of_a_loss_the_lower_is_the_better() -> None:
    values = [0.30, 0.31, 0.32]
    lower, higher = judge(0.1, values, better="lower"), judge(0.5, values, better="lower")
    assert (lower.outcome, higher.outcome) == ("below", "better")
    assert lower.text.startswith("Below: +0.210 nats; one more run would lie between 0.260 and 0.360 (95%")


def test_the_tolerance_widens_the_interval_on_either_side() -> None:
    values = [0.896, 0.897, 0.898]
    assert judge(0.91, values, tolerance=0.01).outcome == "reproduced"
    assert judge(0.884, values, tolerance=0.01).outcome == "reproduced"
    assert judge(0.884, values, tolerance=0.0075).outcome == "better"
    with pytest.raises(ValueError, match=r"-0\.1"):
        judge(0.9, values, tolerance=-0.1)
    with pytest.raises(ValueError, match="nan"):
        judge(0.9, values, tolerance=math.nan)


def test_without_a_spread_the_tolerance_alone_decides() -> None:
    found = judge(0.1, [0.1, 0.1, 0.1])
    assert (found.outcome, found.has_no_spread) == ("reproduced", True)
    assert "all 3 seeds end at 10.0%" in found.text
    # Both edges of what a print with three decimals may have been count.
    assert judge(0.898, [0.8975] * 3).outcome == "reproduced"
    assert judge(0.898, [0.8974] * 3).outcome == "below"
    assert judge(0.1 + PRINTED, [0.1] * 3).outcome == "reproduced"


def test_verdicts_come_in_their_order() -> None:
    differing = ["epochs", "batch size"]
    assert judge(0.9, [], differing=differing).outcome == "not run yet"
    one = judge(0.9, [0.5], differing=differing)
    assert (one.outcome, one.text) == ("protocol differs", "The protocol differs: epochs and batch size.")
    assert judge(0.9, [0.9] * 3, differing=differing).outcome == "protocol differs"
    few = judge(0.9, [0.5, 0.6])
    assert (few.outcome, few.text, few.delta) == (
        "not enough seeds",
        "Not enough seeds: 2 of 3.",
        pytest.approx(-0.35),
    )
    assert judge(0.9, [0.5, math.nan]).outcome == "not enough seeds"


def test_a_seed_that_ended_in_no_number_is_told_and_not_left_out() -> None:
    found = judge(0.9, [0.9, 0.9, 0.9, math.inf])
    assert (found.outcome, found.mean, found.delta) == ("not a number", None, None)
    assert found.text == "A seed ended in a value that is no number."


def test_fewer_than_three_runs_and_a_published_value_that_is_none_are_refused() -> None:
    with pytest.raises(ValueError, match="three"):
        prediction_interval([0.5, 0.6])
    with pytest.raises(ValueError, match="nan"):
        judge(math.nan, [0.5, 0.6, 0.7])
