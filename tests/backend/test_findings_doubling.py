"""Softmax applied twice: what adds up, and what only looks like it."""

import math

import pytest

from backend.analysis.findings.doubling import clearance
from tests.backend.evidences import DOUBLED, evidence, found, sick, spec

RIGHT = [0.90, 0.92, 0.93, 0.94]


def losses(off: float, accuracies: list[float] = RIGHT, classes: int = 10) -> list[float]:
    return [math.log(math.e + classes - 1) - accuracy + off for accuracy in accuracies]


def test_loss_and_accuracy_that_add_up_show_softmax_twice() -> None:
    one = found(evidence(losses(0.005), RIGHT, RIGHT), "softmax-twice")
    assert (one.severity, one.epoch, one.until) == ("sick", 1, 4)
    assert one.evidence["sum"] == pytest.approx(DOUBLED + 0.005)
    assert "2.4612" in one.sentence
    assert one.change == {"loss.name": "cross_entropy"}


@pytest.mark.parametrize(
    ("off", "expected"), [(0.0199, True), (0.0201, False), (-0.0199, True), (-0.0201, False)]
)
def test_two_hundredths_of_a_nat_are_the_edge(off: float, expected: bool) -> None:
    assert (sick(evidence(losses(off), RIGHT, RIGHT)) == ["softmax-twice"]) == expected


def test_three_epochs_are_enough_and_two_are_not() -> None:
    assert sick(evidence(losses(0)[:3], RIGHT[:3])) == ["softmax-twice"]
    assert sick(evidence(losses(0)[:2], RIGHT[:2])) == []


def test_a_curve_that_crosses_the_line_and_goes_on_is_not_accused() -> None:
    run = evidence([*losses(0), 1.30], [*RIGHT, 0.95], [*RIGHT, 0.95])
    assert sick(run) == []


def test_a_loss_that_was_ever_out_of_the_possible_range_disproves_it() -> None:
    assert sick(evidence([0.9, *losses(0)], [0.8, *RIGHT])) == []
    assert sick(evidence([2.6, *losses(0)], [0.1, *RIGHT])) == []
    assert sick(evidence(losses(0), RIGHT, RIGHT, [0.4, 0.3, 0.3, 0.3])) == []


def test_the_range_alone_accuses_nobody() -> None:
    assert sick(evidence([2.2, 2.0, 1.9, 1.8], [0.2, 0.28, 0.32, 0.36], [0.25, 0.3, 0.33, 0.37])) == []


def test_an_honest_network_whose_confidence_is_its_accuracy_is_not_accused() -> None:
    """At 23% with ten classes and 73% with two, such a network lies on the very line."""
    for classes, accuracy in ((10, 0.232), (2, 0.731), (100, 0.027)):
        entropy = -accuracy * math.log(accuracy) - (1 - accuracy) * math.log((1 - accuracy) / (classes - 1))
        assert entropy + accuracy == pytest.approx(math.log(math.e + classes - 1), abs=1e-3)
        assert clearance(classes, accuracy) == pytest.approx(0, abs=1e-3)
        run = evidence([entropy] * 6, [accuracy] * 6, [accuracy] * 6, classes=classes)
        assert "softmax-twice" not in sick(run)


def test_the_clearance_is_the_distance_of_the_line_from_an_honest_loss() -> None:
    honest = -0.9 * math.log(0.9) - 0.1 * math.log(0.1 / 9)
    assert clearance(10, 0.9) == pytest.approx(DOUBLED - 0.9 - honest)
    assert clearance(10, 0.1) == pytest.approx(DOUBLED - 0.1 - math.log(10))


def test_guessing_among_a_hundred_classes_is_not_taken_for_it() -> None:
    guessing = evidence([math.log(100)] * 5, [0.01] * 5, [0.01] * 5, classes=100)
    assert sick(guessing) == ["knows-nothing"]


def test_two_classes_that_slowly_get_better_are_not_accused() -> None:
    run = evidence([0.42, 0.41, 0.40, 0.39, 0.38, 0.37], [0.89, 0.90, 0.905, 0.91, 0.915, 0.918], classes=2)
    assert sick(run) == []


def test_a_loss_that_moves_across_the_line_by_itself_is_not_accused() -> None:
    run = evidence([1.815, 1.792, 1.769], [0.66, 0.67, 0.68], [0.66, 0.67, 0.68])
    along = evidence([1.80, 1.79, 1.78], [0.66, 0.67, 0.68], [0.66, 0.67, 0.68])
    assert sick(run) == []
    assert sick(along) == ["softmax-twice"]


def test_two_classes_at_the_floor_are_accused() -> None:
    accuracies = [0.98, 0.99, 0.99, 0.995]
    assert sick(evidence(losses(0.002, accuracies, 2), accuracies, classes=2)) == ["softmax-twice"]


def test_smoothed_and_mixed_training_teaches_to_be_unsure_and_is_judged_only_where_the_spec_names_the_loss() -> (
    None
):
    twice = {"name": "cross_entropy_of_probabilities"}
    for parts in ({"loss": {"label_smoothing": 0.4}}, {"dataset": {"augment": "mixup"}}):
        run = evidence(losses(0), RIGHT, RIGHT, losses(0), spec=parts)
        named = {**parts, "loss": {**parts.get("loss", {}), **twice}}
        tested = evidence([1.9] * 4, [0.6] * 4, RIGHT, losses(0.002), spec=named)
        untested = evidence(losses(0), RIGHT, spec=named)
        assert sick(run) == sick(untested) == []
        assert "test loss and test accuracy" in found(tested, "softmax-twice").sentence


def test_a_spec_that_names_the_loss_of_logits_asks_for_five_epochs_and_no_change() -> None:
    accuracies = [*RIGHT, 0.95]
    assert sick(evidence(losses(0), RIGHT, spec=spec())) == []
    assert found(evidence(losses(0, accuracies), accuracies, spec=spec()), "softmax-twice").change is None


def test_a_spec_that_names_the_loss_of_probabilities_leaves_no_doubt_at_any_accuracy() -> None:
    accuracies = [0.2, 0.22, 0.23, 0.24]
    named = spec(loss={"name": "cross_entropy_of_probabilities"})
    assert sick(evidence(losses(0, accuracies), accuracies, spec=named)) == ["softmax-twice"]
    assert sick(evidence(losses(0, accuracies), accuracies)) == []


def test_a_wild_loss_near_that_of_one_answer_is_not_taken_for_it() -> None:
    run = evidence([2.345, 2.35, 2.348], [0.1, 0.1, 0.1], [0.1, 0.11, 0.12])
    assert sick(run) == ["worse-than-guessing"]
