"""Tests between recipes, which runs are independent, and Holm's correction: by hand, by definition, and at the edges."""

import math
import random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from backend.analysis.between_recipes import between_recipes, family, welch
from backend.analysis.holm import family_size, holm
from backend.analysis.independence import Draw, independent, independent_count
from backend.analysis.student import quantile, two_sided_p
from tests.backend import by_definition

seeds = st.integers(0, 2**32)


def by_seed(*values: float) -> dict[int, float]:
    return dict(enumerate(values))


def some_accuracies(chance: random.Random) -> list[float]:
    centre, spread = chance.uniform(0.05, 0.95), 10 ** chance.uniform(-4, -1)
    return [centre + chance.gauss(0, spread) for _ in range(chance.randint(2, 12))]


def test_welch_is_as_worked_by_hand() -> None:
    # Means 2 and 5, variances 1 and 4, three each: error sqrt(1/3 + 4/3) = sqrt(5/3), t = -3 / 1.29099 = -2.32379,
    # df = (5/3)^2 / ((1/3)^2 / 2 + (4/3)^2 / 2) = (25/9) / (17/18) = 50/17.
    found = welch([1, 2, 3], [3, 5, 7])
    assert found.difference == -3
    assert found.t == pytest.approx(-3 / math.sqrt(5 / 3))
    assert found.df == pytest.approx(50 / 17)
    assert 0.10 < found.p < 0.11
    assert found.interval.low < found.difference < 0 < found.interval.high


def test_students_t_of_two_degrees_has_a_closed_form() -> None:
    # P(|T| > t) = 1 - t / sqrt(2 + t^2), so the 97.5% quantile is 0.95 sqrt(2 / (1 - 0.95^2)).
    assert two_sided_p(3.0, 2) == pytest.approx(1 - 3 / math.sqrt(11), rel=1e-12)
    assert quantile(2) == pytest.approx(0.95 * math.sqrt(2 / (1 - 0.95**2)), rel=1e-12)
    # Of one degree it is Cauchy's: tan(0.475 pi).
    assert quantile(1) == pytest.approx(math.tan(0.475 * math.pi), rel=1e-12)


@settings(deadline=None)
@given(st.floats(0, 60), st.floats(1, 200))
@example(1e-7, 15.0)
@example(3.2e-9, 1.0)
@example(0.5, 1.0)
@example(1e-200, 2.0)
def test_students_p_agrees_with_the_continued_fraction(t: float, df: float) -> None:
    assert two_sided_p(t, df) == pytest.approx(by_definition.two_sided_p(t, df), rel=1e-9, abs=1e-14)


@settings(max_examples=50, deadline=None)
@given(st.floats(1, 200))
def test_students_quantile_agrees_with_bisection(df: float) -> None:
    assert quantile(df) == pytest.approx(by_definition.student_quantile(df), rel=1e-9)


@settings(deadline=None)
@given(seeds)
def test_welch_agrees_with_its_definition_in_exact_fractions(seed: int) -> None:
    chance = random.Random(seed)
    first, second = some_accuracies(chance), some_accuracies(chance)
    found = welch(first, second)
    t, df, p = by_definition.welch(first, second)
    assert (found.t, found.df) == (pytest.approx(t, rel=1e-9), pytest.approx(df, rel=1e-9))
    assert found.p == pytest.approx(p, rel=1e-9, abs=1e-14)
    half = by_definition.student_quantile(df) * abs(found.difference / t)
    assert found.interval.high - found.interval.low == pytest.approx(2 * half, rel=1e-9)


@settings(deadline=None)
@given(seeds)
def test_welch_and_the_paired_test_agree_with_scipys_own(seed: int) -> None:
    chance = random.Random(seed)
    first = some_accuracies(chance)
    second = [value + chance.gauss(0, 0.01) for value in first]
    found, paired = welch(first, second), between_recipes(by_seed(*first), by_seed(*second)).paired
    theirs, theirs_paired = stats.ttest_ind(first, second, equal_var=False), stats.ttest_rel(first, second)
    assert (found.p, found.df) == (pytest.approx(theirs.pvalue, rel=1e-7), pytest.approx(theirs.df, rel=1e-9))
    assert paired is not None and paired.test is not None
    assert paired.test.p == pytest.approx(theirs_paired.pvalue, rel=1e-7)


@settings(deadline=None)
@given(seeds)
def test_the_paired_test_agrees_with_its_definition(seed: int) -> None:
    chance = random.Random(seed)
    first, second = some_accuracies(chance), some_accuracies(chance)
    found = between_recipes(by_seed(*first), by_seed(*second)).paired
    common = min(len(first), len(second))
    assert found is not None and found.test is not None and found.seeds == tuple(range(common))
    t, p = by_definition.paired([first[seed] - second[seed] for seed in range(common)])
    assert found.test.t == pytest.approx(t, rel=1e-9)
    assert found.test.p == pytest.approx(p, rel=1e-9, abs=1e-14)


def test_the_paired_difference_is_taken_at_common_seeds_only() -> None:
    # At seeds 2 and 3: differences 1 and 3, mean 2, s = sqrt(2), error 1, t = 2, df = 1: p = 1 - 2 atan(2) / pi.
    found = between_recipes({1: 9.0, 2: 2.0, 3: 5.0}, {2: 1.0, 3: 2.0, 4: 0.0}).paired
    assert found is not None and found.test is not None
    assert (found.seeds, found.difference, found.test.df) == ((2, 3), 2.0, 1)
    assert found.test.p == pytest.approx(1 - 2 * math.atan(2) / math.pi)
    assert between_recipes({0: 1.0, 1: 2.0}, {2: 1.0, 3: 2.5}).paired is None


def test_two_recipes_that_always_end_alike_are_the_same_and_have_no_p() -> None:
    found = between_recipes(by_seed(0.1, 0.1, 0.1), by_seed(0.1, 0.1, 0.1))
    assert (found.kind, found.welch, found.difference) == ("same", None, 0)
    assert found.told == "Every run of both ends at the same value."


def test_without_any_spread_a_difference_is_told_and_not_tested() -> None:
    found = between_recipes(by_seed(0.1, 0.1, 0.1), by_seed(0.7, 0.7, 0.7))
    assert (found.kind, found.welch, found.difference) == ("no spread", None, pytest.approx(-0.6))
    assert found.paired is not None and found.paired.test is None
    assert found.told is not None and "neither has a spread" in found.told


def test_a_spread_on_one_side_gives_its_degrees_of_freedom() -> None:
    # One sample of 0.8, 0.9, 1.0 against the constant 0.1: error 0.1 / sqrt(3), df 2.
    found = between_recipes(by_seed(0.1, 0.1, 0.1, 0.1), by_seed(0.8, 0.9, 1.0))
    assert found.kind == "tested" and found.welch is not None
    assert not found.may_decide
    assert found.welch.df == pytest.approx(2)
    assert found.welch.t == pytest.approx(-0.8 * math.sqrt(3) / 0.1)


def test_differences_that_agree_but_for_rounding_have_no_spread() -> None:
    found = between_recipes(by_seed(0.2, 0.3, 0.4), by_seed(0.1, 0.2, 0.3))
    assert 0.3 - 0.2 != 0.2 - 0.1
    assert found.paired is not None and (found.paired.test, found.paired.difference) == (
        None,
        pytest.approx(0.1),
    )
    assert found.welch is not None


def test_one_run_has_no_test_and_two_may_not_decide() -> None:
    one = between_recipes({0: 0.5}, by_seed(0.6, 0.7, 0.8))
    assert (one.kind, one.n, one.welch, one.may_decide) == ("too few", (1, 3), None, False)
    assert one.paired is not None and (one.paired.seeds, one.paired.test) == ((0,), None)
    two = between_recipes(by_seed(0.5, 0.6), by_seed(0.9, 1.0))
    # Variances 0.005 each, error sqrt(0.005), t = -0.4 / 0.0707 = -5.657, df 2.
    assert two.welch is not None and not two.may_decide
    assert (two.welch.df, two.welch.t) == (pytest.approx(2), pytest.approx(-math.sqrt(32)))
    assert between_recipes(by_seed(0.5, 0.6, 0.5), by_seed(0.9, 1.0, 0.9)).may_decide


def test_what_is_no_number_and_no_run_is_refused() -> None:
    with pytest.raises(ValueError, match="nan"):
        between_recipes(by_seed(0.5, math.nan), by_seed(0.5, 0.6))
    with pytest.raises(ValueError, match="without a run"):
        between_recipes({}, by_seed(0.5, 0.6))


def test_under_no_difference_welch_is_wrong_one_time_in_twenty_at_most() -> None:
    chance = np.random.default_rng(3)
    rounds = 2000
    wrong = sum(
        welch(first.tolist(), second.tolist()).p < 0.05
        for first, second in zip(
            chance.normal(size=(rounds, 3)), 3 * chance.normal(size=(rounds, 4)), strict=True
        )
    )
    # Four standard errors above 5%.
    assert 0.02 < wrong / rounds < 0.05 + 4 * math.sqrt(0.05 * 0.95 / rounds)


def test_holm_is_as_worked_by_hand() -> None:
    # Sorted 0.01, 0.03, 0.04: times 3, 2, 1 = 0.03, 0.06, 0.04; the last may not be surer than the one before it.
    assert holm([0.04, 0.01, 0.03]) == [pytest.approx(0.06), pytest.approx(0.03), pytest.approx(0.06)]
    assert holm([0.04]) == [0.04]
    assert holm([]) == []
    assert holm([0.9, 0.8, 0.0]) == [1.0, 1.0, 0.0]


def test_what_was_not_tested_is_not_in_the_family() -> None:
    values = [0.02, None, 0.03, None]
    assert family_size(values) == 2
    assert holm(values) == [pytest.approx(0.04), None, pytest.approx(0.04), None]
    with pytest.raises(ValueError, match=r"1\.5"):
        holm([0.1, 1.5])
    with pytest.raises(ValueError, match="nan"):
        holm([math.nan])


@settings(deadline=None)
@given(st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.05, 1.0])), min_size=1, max_size=7))
def test_holm_is_the_closed_test_of_bonferroni(values: list[float]) -> None:
    assert holm(values) == [pytest.approx(p, rel=1e-9) for p in by_definition.holm(values)]


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_a_family_is_every_pair_that_can_be_judged_corrected_together(seed: int) -> None:
    chance = random.Random(seed)
    recipes = [some_accuracies(chance) for _ in range(chance.randint(0, 4))] + [
        [0.5, 0.6],
        [0.1] * 4,
        [0.3],
        [],
    ]
    fit = [place for place, values in enumerate(recipes) if len(values) >= 3 and len(set(values)) > 1]
    pairs = [(one, other) for one in fit for other in fit if one < other]
    found = family(recipes)
    by_hand = by_definition.holm(
        [by_definition.welch(recipes[one], recipes[other])[2] for one, other in pairs]
    )
    assert (found.size, set(found.corrected)) == (len(pairs), set(pairs))
    for (one, other), p in zip(pairs, by_hand, strict=True):
        assert found.p(other, one) == pytest.approx(p, rel=1e-9, abs=1e-13)
    assert found.p(0, len(recipes) - 1) is None


def test_runs_that_share_a_seed_or_a_parent_count_once() -> None:
    assert independent_count([(0, None), (1, None), (2, None)]) == 3
    assert independent_count([(0, None), (0, None)]) == 1
    assert independent_count([(0, 7), (1, 7), (2, 7)]) == 1
    assert independent_count([(0, 7), (1, 8), (2, 9)]) == 3
    assert independent_count([]) == 0
    # The second run shares something with either of the others, which share nothing.
    assert independent_count([(0, 7), (1, 7), (1, 8)]) == 2


def test_the_newest_of_runs_that_share_is_taken() -> None:
    assert independent([Draw(3, 0), Draw(9, 0), Draw(5, 1)]) == [Draw(9, 0), Draw(5, 1)]
    assert independent([Draw(3, 0, 7), Draw(9, 1, 7), Draw(5, 2, 8)]) == [Draw(9, 1, 7), Draw(5, 2, 8)]


def test_a_choice_that_stands_in_the_way_of_another_is_taken_back() -> None:
    # The newest run takes parent 7, which is all that seed 1 has: seed 0 moves to its older run.
    assert independent([Draw(9, 0, 7), Draw(8, 1, 7), Draw(1, 0, 6)]) == [Draw(1, 0, 6), Draw(8, 1, 7)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.one_of(st.none(), st.integers(10, 13))), max_size=8))
def test_no_larger_selection_of_independent_runs_exists(pairs: list[tuple[int, int | None]]) -> None:
    chosen = independent(Draw(run, seed, parent) for run, (seed, parent) in enumerate(pairs))
    assert len(chosen) == by_definition.most_independent(pairs)
    assert len({draw.seed for draw in chosen}) == len(chosen)
    parents = [draw.parent for draw in chosen if draw.parent is not None]
    assert len(set(parents)) == len(parents)
