"""McNemar's test and what goes with it: by hand, by definition, and at the edges."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.analysis.paired_models import (
    difference_interval,
    mcnemar,
    paired_encoded,
    paired_models,
    smallest_difference,
)
from tests.backend import by_definition

Z = 1.959963984540054


def test_nine_against_one_is_as_worked_by_hand() -> None:
    # 2 (C(10,0) + C(10,1)) / 2^10 = 22 / 1024.
    assert mcnemar(9, 1) == pytest.approx(22 / 1024, rel=1e-12)
    assert mcnemar(1, 9) == mcnemar(9, 1)
    # An even split is the likeliest of all.
    assert mcnemar(5, 5) == 1.0


def test_five_to_none_is_no_evidence_and_six_to_none_is() -> None:
    assert mcnemar(5, 0) == pytest.approx(0.0625)
    assert mcnemar(6, 0) == pytest.approx(0.03125)


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(0, 400))
def test_the_p_is_the_sum_of_binomials(only_first: int, only_second: int) -> None:
    exact = float(by_definition.mcnemar(only_first, only_second))
    assert mcnemar(only_first, only_second) == pytest.approx(exact, rel=1e-9)


def test_a_p_far_below_any_table_keeps_its_digits() -> None:
    exact = by_definition.mcnemar(1500, 500)
    assert mcnemar(1500, 500) == pytest.approx(float(exact), rel=1e-9)
    assert 0 < exact < 1e-100


def test_the_table_and_the_very_images() -> None:
    #                            0  1  2  3  4  5
    found = paired_models([0, 1, 2, 0, 1, 2], [0, 1, 2, 1, 2, 2], [0, 2, 1, 0, 0, 2])
    assert (found.both_right, found.only_first, found.only_second, found.both_wrong) == (2, (1, 2), (3,), 1)
    assert (found.images, found.disagreements) == (6, 3)
    assert found.accuracies == (4 / 6, 3 / 6)
    assert found.difference == pytest.approx(1 / 6)
    assert found.p == 1.0  # 2 against 1: every split of three is no likelier.


def test_two_different_wrong_answers_are_no_disagreement() -> None:
    found = paired_models([0, 0], [1, 0], [2, 0])
    assert (found.disagreements, found.both_wrong, found.p) == (0, 1, 1.0)


@pytest.mark.parametrize("answer", ["labels", "wrong"])
def test_identical_models_have_a_p_of_one_and_an_interval_with_a_width(answer: str) -> None:
    labels = [number % 3 for number in range(90)]
    predicted = labels if answer == "labels" else [(label + 1) % 3 for label in labels]
    found = paired_models(labels, predicted, predicted)
    assert (found.p, found.difference, found.disagreements) == (1.0, 0.0, 0)
    assert (found.both_right, found.both_wrong) == ((90, 0) if answer == "labels" else (0, 90))
    # By hand: 1.96 sqrt((2 / 92) / 92) = 1.96 sqrt(2) / 92.
    half = Z * math.sqrt(2) / 92
    assert (found.interval.low, found.interval.high) == (pytest.approx(-half), pytest.approx(half))


def test_one_all_right_and_one_all_wrong() -> None:
    found = paired_models([0] * 20, [0] * 20, [1] * 20)
    assert (found.accuracies, found.difference, found.disagreements) == ((1.0, 0.0), 1.0, 20)
    assert found.p == pytest.approx(2 / 2**20, rel=1e-9)
    assert 0.5 < found.interval.low < found.interval.high <= 1.0


def test_no_images_and_unequal_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="No images"):
        paired_models([], [], [])
    with pytest.raises(ValueError, match="3 labels, 3 and 2 predictions"):
        paired_models([0, 1, 2], [0, 1, 2], [0, 1])


@pytest.mark.parametrize(("classes", "width"), [(256, 1), (257, 2)])
def test_stored_predictions_are_read_in_the_width_of_their_classes(classes: int, width: int) -> None:
    labels, first, second = ([7, 250, classes - 1], [7, 250, 3], [7, 1, classes - 1])
    stored = [b"".join(value.to_bytes(width, "little") for value in one) for one in (labels, first, second)]
    assert paired_encoded(stored[0], stored[1], stored[2], classes) == paired_models(labels, first, second)


def test_the_smallest_difference_is_that_of_the_specification() -> None:
    # 10,000 images of which the two disagree on a tenth: 1.96 sqrt(0.1 / 10,000) = 0.62 points.
    assert smallest_difference(1000, 10_000) == pytest.approx(0.0062, abs=5e-5)
    assert smallest_difference(1000, 10_000, power=0.8) == pytest.approx(0.0089, abs=5e-5)
    exact = (Z + 0.8416212335729143) * math.sqrt(0.1 / 10_000)
    assert smallest_difference(1000, 10_000, power=0.8) == pytest.approx(exact, rel=1e-9)


def test_too_few_disagreements_can_show_no_difference() -> None:
    assert smallest_difference(0, 1000) is None
    assert smallest_difference(5, 1000) is None
    assert smallest_difference(6, 1000) == pytest.approx(Z * math.sqrt(6) / 1000)
    # Six all on one side would be 0.6 points; for a power of 0.8 more than that is needed.
    assert smallest_difference(6, 1000, power=0.8) is None
    with pytest.raises(ValueError, match="11 disagreements on 10 images"):
        smallest_difference(11, 10)


def test_a_difference_of_the_smallest_size_is_about_where_the_p_reaches_five_percent() -> None:
    smallest = smallest_difference(1000, 10_000)
    assert smallest is not None
    gap = round(smallest * 10_000)
    assert (
        mcnemar((1000 + gap + 2) // 2, (1000 - gap - 2) // 2)
        < 0.05
        < mcnemar(500 + gap // 2 - 2, 502 - gap // 2)
    )


def test_the_interval_holds_the_true_difference_as_often_as_it_says() -> None:
    chance = np.random.default_rng(5)
    held = 0
    for b, c, _ in chance.multinomial(1000, [0.06, 0.04, 0.9], size=4000):
        interval = difference_interval(int(b), int(c), 1000)
        held += interval.low <= 0.02 <= interval.high
    # Four standard errors of 0.95 over 4,000.
    assert held / 4000 == pytest.approx(0.95, abs=0.014)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32))
def test_the_interval_is_the_formula_and_turns_with_the_models(seed: int) -> None:
    chance = random.Random(seed)
    images = chance.randint(1, 5000)
    b = chance.randint(0, images)
    c = chance.randint(0, images - b)
    centre = (b - c) / (images + 2)
    half = Z * math.sqrt(((b + c + 2) / (images + 2) - centre**2) / (images + 2))
    found, turned = difference_interval(b, c, images), difference_interval(c, b, images)
    assert found.low == pytest.approx(max(-1, centre - half), rel=1e-9, abs=1e-12)
    assert found.high == pytest.approx(min(1, centre + half), rel=1e-9, abs=1e-12)
    assert (turned.low, turned.high) == (pytest.approx(-found.high), pytest.approx(-found.low))
