"""How many more seeds would settle it: by an independent power, by simulation, and at the edges."""

import math
import random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backend.analysis.between_recipes import welch, welch_degrees
from backend.analysis.more_seeds import CAUTION, MOST_SEEDS, more_seeds, welch_power
from tests.backend import by_definition


def test_the_power_is_that_of_the_tables() -> None:
    # The textbook case: 64 of each find a difference of half a standard deviation in 80% of cases (Cohen, 1988, table 2.4).
    assert welch_power(0.5, (1.0, 1.0), (64, 64)) == pytest.approx(0.801, abs=1e-3)
    assert welch_power(0.5, (1.0, 1.0), (63, 63)) < 0.8
    # No difference is found one time in twenty, all of them wrongly.
    assert welch_power(0.0, (1.0, 4.0), (3, 5)) == pytest.approx(0.05, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
@example(313387)  # nct.cdf is NaN on the far side of this one
def test_the_power_agrees_with_an_integral_over_the_estimated_spread(seed: int) -> None:
    chance = random.Random(seed)
    variances = 10 ** chance.uniform(-2, 2), 10 ** chance.uniform(-2, 2)
    n = chance.randint(2, 40), chance.randint(2, 40)
    error = math.sqrt(variances[0] / n[0] + variances[1] / n[1])
    away = chance.choice([0.0, chance.uniform(0, 12), 8.0])
    found = welch_power(-away * error, variances, n)
    assert found == pytest.approx(by_definition.power(away, welch_degrees(variances, n)), rel=1e-9)


def test_the_power_of_a_huge_difference_is_one_and_a_number() -> None:
    for away in (9.0, 37.0, 1e4, 1e9):
        assert 0.9 < welch_power(away, (0.5, 0.5), (2, 2)) <= 1.0


def test_the_number_is_the_smallest_that_reaches_the_power() -> None:
    first, second = [0.50, 0.52, 0.54], [0.52, 0.54, 0.56]
    found = more_seeds(first, second)
    assert found.kind == "more" and found.further is not None and found.power is not None
    n = 3 + found.further
    # Variance 0.0004 in both, difference one standard deviation: the tables ask for 17 of each.
    assert n == 17
    assert found.power >= 0.8 > welch_power(0.02, (0.0004, 0.0004), (n - 1, n - 1))
    assert found.text.startswith(
        "If today's difference and spread are the true ones, 14 more seeds of each show it in 81% of cases."
    )
    assert CAUTION in found.text


def test_the_promised_power_is_kept_by_simulated_recipes() -> None:
    found = more_seeds([0.0, 1.0, 2.0], [1.5, 2.5, 3.5])
    assert found.further is not None and found.power is not None
    n, rounds = 3 + found.further, 1500
    chance = np.random.default_rng(11)
    shown = sum(
        welch(first.tolist(), second.tolist()).p < 0.05
        for first, second in zip(
            chance.normal(1.0, 1.0, size=(rounds, n)), chance.normal(2.5, 1.0, size=(rounds, n)), strict=True
        )
    )
    assert shown / rounds == pytest.approx(found.power, abs=4 * math.sqrt(0.16 / rounds))


def test_a_difference_that_no_affordable_number_shows_is_called_that() -> None:
    found = more_seeds([0.50, 0.60, 0.70], [0.501, 0.601, 0.701])
    assert (found.kind, found.further, found.most) == ("too many", None, MOST_SEEDS)
    assert found.text.startswith(
        "If today's difference is the true one, even 30 more seeds of each would show it in 5%"
    )
    assert more_seeds([0.5, 0.6], [0.6, 0.5]).kind == "too many"
    assert more_seeds([0.50, 0.52, 0.54], [0.52, 0.54, 0.56], most=13).kind == "too many"


def test_a_difference_that_so_many_seeds_show_needs_no_more() -> None:
    found = more_seeds([0.1, 0.11, 0.12], [0.8, 0.81, 0.82])
    assert (found.kind, found.further) == ("enough", 0)
    assert found.text == "If today's difference is the true one, so many seeds show it in 100% of cases."


@pytest.mark.parametrize(
    ("first", "second"), [([0.5], [0.6, 0.7]), ([], [0.5, 0.6]), ([0.1, 0.1], [0.7, 0.7])]
)
def test_without_two_seeds_of_each_and_a_spread_nothing_is_estimated(
    first: list[float], second: list[float]
) -> None:
    found = more_seeds(first, second)
    assert (found.kind, found.further, found.power) == ("unknown", None, None)
    assert "not known" in found.text


def test_a_spread_of_one_recipe_alone_is_an_estimate() -> None:
    found = more_seeds([0.1, 0.1, 0.1], [0.10, 0.15, 0.20])
    assert found.kind == "more" and found.further is not None


def test_with_many_pairs_on_the_screen_more_seeds_are_needed() -> None:
    first, second = [0.800, 0.806, 0.812], [0.822, 0.828, 0.834]
    alone, among = more_seeds(first, second), more_seeds(first, second, family=45)
    assert alone.kind == "enough"
    assert among.kind == "more"
    assert among.power is not None
    assert among.power >= 0.8
    n = 3 + (among.further or 0)
    variances = (3.6e-5, 3.6e-5)
    assert among.power == pytest.approx(welch_power(0.022, variances, (n, n), 0.05 / 45), rel=1e-9)


def test_below_three_seeds_of_each_nothing_is_enough() -> None:
    found = more_seeds([0.80, 0.81], [0.40, 0.41])
    assert (found.kind, found.further) == ("more", 1)
