"""Intervals, which runs count, and the verdict: by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.analysis.intervals import Interval, student_t, wilson
from backend.analysis.recipes import Accuracy, Outcome, accuracy_of, next_seeds, seeds_wanted
from backend.analysis.verdicts import Contender, separated, verdict


def test_wilson_of_a_half_of_a_hundred_is_as_in_the_tables() -> None:
    found = wilson(0.5, 100)
    assert (round(found.low, 4), round(found.high, 4)) == (0.4038, 0.5962)


def test_wilson_has_a_width_at_both_ends_of_the_scale() -> None:
    # By hand at p = 0: high = z2 / (n + z2) with z2 = 3.841459.
    assert wilson(0.0, 10) == Interval(0.0, pytest.approx(3.841459 / 13.841459, abs=1e-6))
    assert wilson(1.0, 10) == Interval(pytest.approx(10 / 13.841459, abs=1e-6), pytest.approx(1.0))


@given(st.integers(1, 5000), st.floats(0, 1))
def test_wilson_holds_its_share_and_stays_within_the_scale(images: int, part: float) -> None:
    share = round(part * images) / images
    found = wilson(share, images)
    assert 0 <= found.low <= share + 1e-12
    assert share - 1e-12 <= found.high <= 1


@pytest.mark.parametrize(("share", "images"), [(-0.1, 10), (1.1, 10), (math.nan, 10), (0.5, 0)])
def test_wilson_of_what_is_no_share_of_images_is_a_mistake(share: float, images: int) -> None:
    with pytest.raises(ValueError, match="No interval"):
        wilson(share, images)


def test_three_seeds_take_students_factor_and_not_the_normal_one() -> None:
    # Values 1, 2, 3: s = 1, so the half-width is 4.303 / sqrt(3).
    found = student_t([0.01, 0.02, 0.03])
    half = 0.01 * 4.302653 / math.sqrt(3)
    assert found == Interval(pytest.approx(0.02 - half, abs=1e-8), pytest.approx(0.02 + half, abs=1e-8))


def test_fewer_than_three_seeds_have_no_interval() -> None:
    with pytest.raises(ValueError, match="three"):
        student_t([0.1, 0.9])


def test_equal_seeds_have_an_interval_without_a_width() -> None:
    assert student_t([0.1, 0.1, 0.1]) == Interval(pytest.approx(0.1), pytest.approx(0.1))
    assert accuracy(0.1, 0.1, 0.1).has_no_spread


def accuracy(*values: float, images: int = 1000, first_run: int = 1) -> Accuracy:
    outcomes = [Outcome(first_run + seed, seed, value, "set", images) for seed, value in enumerate(values)]
    return accuracy_of(outcomes)


def test_what_is_said_beside_the_mean_follows_from_the_number_of_seeds() -> None:
    assert [accuracy(*[0.4, 0.5, 0.6, 0.7][:n]).kind for n in range(5)] == ["none", "wilson", "two", "t", "t"]
    assert accuracy(0.4, 0.5).interval is None
    assert accuracy(0.4, 0.5, 0.6).mean == pytest.approx(0.5)


def test_runs_that_share_a_seed_count_once_by_the_newest() -> None:
    found = accuracy_of([Outcome(7, 0, 0.9), Outcome(3, 0, 0.1), Outcome(5, 1, 0.5)])
    assert [(outcome.run, outcome.accuracy) for outcome in found.counted] == [(7, 0.9), (5, 0.5)]
    assert (found.n, found.kind) == (2, "two")


def test_a_run_on_other_test_images_is_left_out() -> None:
    found = accuracy_of(
        [Outcome(1, 0, 0.1, "old", 10), Outcome(2, 1, 0.5, "new", 20), Outcome(3, 2, 0.6, "new", 20)]
    )
    assert found.left_out == (1,)
    assert (found.values, found.images) == ([0.5, 0.6], 20)


def test_a_run_whose_test_images_are_not_known_is_not_left_out_for_it() -> None:
    known, unknown = Outcome(1, 0, 0.1, "set", 10), Outcome(2, 1, 0.5)
    other = Outcome(3, 2, 0.6, "other", 20)
    found = accuracy_of([known, unknown])
    assert (found.left_out, found.n, found.test_set, found.images) == ((), 2, "set", 10)
    mixed = accuracy_of([known, unknown, other])
    assert (mixed.left_out, mixed.values, mixed.test_set) == ((1,), [0.5, 0.6], "other")


def test_a_run_whose_test_images_are_not_known_has_no_interval() -> None:
    found = accuracy_of([Outcome(1, 0, 0.4)])
    assert (found.kind, found.mean, found.interval) == ("none", 0.4, None)


def test_more_seeds_are_the_lowest_that_nobody_took() -> None:
    assert next_seeds([0, 2, 3], 2) == [1, 4]
    assert next_seeds([], 3) == [0, 1, 2]
    assert next_seeds([5, 2**31 - 1], 2) == [0, 1]
    assert [seeds_wanted(n) for n in range(5)] == [3, 2, 1, 2, 2]


SHAPES = ("shapes", None)


def said(*pairs: tuple[str, Accuracy], images: tuple[tuple[str, int | None], ...] | None = None) -> str:
    sets = images or (SHAPES,) * len(pairs)
    return verdict([Contender(name, one, which) for (name, one), which in zip(pairs, sets, strict=True)]).text


def test_two_trained_models_whose_intervals_lie_apart_differ_and_their_recipes_are_not_judged() -> None:
    # 1,000 images: 41.2% has 38.2 to 44.3, 36.0% has 33.1 to 39.0: they overlap. Of 10,000 they do not.
    text = said(("lr 0.1", accuracy(0.412, images=10_000)), ("lr 0.05", accuracy(0.36, images=10_000)))
    assert text == (
        "lr 0.1 has the highest test accuracy: 41.2% against 36.0%; the 95% intervals do not overlap, so between these "
        "two trained models the difference is unlikely to be chance of the 10,000 test images. With one seed each this "
        "says nothing yet of the recipes."
    )


def test_two_trained_models_whose_intervals_overlap_are_not_told_apart() -> None:
    pairs = ("lr 0.1", accuracy(0.412)), ("lr 0.05", accuracy(0.36))
    assert "the 95% intervals overlap: with one seed each and 1,000 test images" in said(*pairs)
    found = verdict([Contender(name, one, SHAPES) for name, one in pairs])
    assert (found.best, found.runner_up, found.separated, found.question) == (0, 1, False, "models")
    assert found.needs_seeds == (0, 1)


def test_recipes_are_judged_by_their_seeds_alone() -> None:
    far = said(("a", accuracy(0.90, 0.91, 0.92)), ("b", accuracy(0.50, 0.51, 0.52)))
    assert (
        "Welch's t-test over 3 seeds gives p < 0.001, so the difference is unlikely to be chance of the seeds."
        in far
    )
    near = [
        Contender("a", accuracy(0.90, 0.91, 0.92), SHAPES),
        Contender("b", accuracy(0.89, 0.90, 0.91, 0.92), SHAPES),
    ]
    # Means 0.91 and 0.905, variances 1e-4 and 1.67e-4: t = 0.005 / 0.00866 = 0.577, df 4.96.
    assert "over 3 and 4 seeds gives p = 0.589: these recipes cannot be told apart." in verdict(near).text
    assert verdict(near).needs_seeds == (0, 1)


def test_intervals_of_means_that_overlap_may_belong_to_recipes_that_differ() -> None:
    # Variances 1e-4, t = 0.03 / (0.01 sqrt(2/3)) = 3.67 of 4 degrees: p = 0.021. The half-widths are 2.5 points each.
    pair = accuracy(0.90, 0.91, 0.92), accuracy(0.87, 0.88, 0.89)
    assert pair[0].interval and pair[1].interval and pair[0].interval.overlaps(pair[1].interval)
    assert separated(*pair)
    alone = verdict([Contender(name, one, SHAPES) for name, one in zip("ab", pair, strict=True)])
    assert (alone.separated, alone.p, alone.family) == (True, pytest.approx(0.0213, abs=1e-4), 1)


def test_the_test_of_the_best_two_is_corrected_for_all_pairs_that_are_compared() -> None:
    # Of three pairs that of the best two has the largest p: it is the last in Holm's order and times 1, but no less than
    # twice the second. The pair b and c: t = 0.04 / 0.008165 = 4.90, p = 0.00805.
    three = accuracy(0.90, 0.91, 0.92), accuracy(0.87, 0.88, 0.89), accuracy(0.83, 0.84, 0.85)
    found = verdict([Contender(name, one, SHAPES) for name, one in zip("abc", three, strict=True)])
    assert (found.p, found.family) == (pytest.approx(0.0213, abs=1e-4), 3)
    assert "gives p = 0.0213 (corrected by Holm for all 3 pairs), so" in found.text
    assert "picked" not in found.text
    near = accuracy(0.868, 0.88, 0.89), accuracy(0.867, 0.879, 0.889)
    found = verdict(
        [Contender(name, one, SHAPES) for name, one in zip("abc", (three[0], *near), strict=True)]
    )
    # Its p alone is under 3%; the family takes it over 5%.
    assert found.separated is False and found.p is not None and found.p > 0.05
    assert separated(three[0], near[0])


def test_intervals_of_the_two_questions_are_never_held_against_each_other() -> None:
    many, one = accuracy(0.90, 0.91, 0.92), accuracy(0.10)
    assert separated(many, one) is None
    text = said(("a", many), ("b", one))
    assert "b has 1 seed: 3 of each are needed to judge the recipes." in text
    assert "unlikely" not in text


def test_seeds_without_a_spread_decide_nothing() -> None:
    text = said(("a", accuracy(0.90, 0.91, 0.92)), ("b", accuracy(0.1, 0.1, 0.1)))
    assert "All seeds of b end at the same value: there is no spread to judge the difference by." in text
    assert "unlikely" not in text


def test_the_best_of_many_is_told_to_be_picked() -> None:
    text = said(("a", accuracy(0.3)), ("b", accuracy(0.9)), ("c", accuracy(0.5)))
    assert text.startswith("b has the highest test accuracy: 90.0% against 50.0% of c;")
    assert "It was picked as the best of 3" in text


def test_a_difference_that_one_decimal_hides_is_shown_with_two() -> None:
    assert "90.04% against 90.01%" in said(("a", accuracy(0.9004)), ("b", accuracy(0.9001)))


def test_equal_ones_are_called_equal() -> None:
    assert said(("a", accuracy(0.5)), ("b", accuracy(0.5))) == "a and b end at the same test accuracy, 50.0%."


def test_other_test_images_are_told_and_nothing_is_ranked() -> None:
    other = accuracy_of([Outcome(9, 0, 0.1, "other", 2000)])
    text = said(("a", accuracy(0.9, images=500)), ("b", other))
    assert text == (
        "These recipes were not tested on the same images (500 and 2,000 images): their accuracies are shown, and not "
        "ranked."
    )


def test_where_one_test_set_is_not_known_the_specs_decide_and_claim_no_difference() -> None:
    pairs = ("a", accuracy(0.9)), ("b", accuracy_of([Outcome(9, 0, 0.1)]))
    assert said(*pairs).startswith("a has the highest test accuracy: 90.0% against 10.0%. ")
    assert said(*pairs, images=(SHAPES, ("shapes", 500))) == (
        "It is not known whether these recipes were tested on the same images: their accuracies are shown, and not "
        "ranked."
    )
    assert said(*pairs, images=(SHAPES, ("glyphs", None))).startswith(
        "These recipes were not tested on the same"
    )


def test_known_test_sets_decide_whatever_the_specs_say() -> None:
    text = said(("a", accuracy(0.9)), ("b", accuracy(0.1)), images=(SHAPES, ("shapes", 1000)))
    assert text.startswith("a has the highest test accuracy")


def test_what_has_not_ended_is_not_ranked() -> None:
    assert (
        said(("a", accuracy()), ("b", accuracy())) == "No run has completed yet, so there is nothing to rank."
    )
    assert said(("a", accuracy()), ("b", accuracy(0.5, 0.6))).startswith(
        "Only b has a completed run: test accuracy 50.0%"
    )
    assert "± 2.5 points over 3 seeds" in said(("a", accuracy(0.5, 0.51, 0.52)))
