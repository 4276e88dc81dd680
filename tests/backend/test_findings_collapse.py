"""Whether a network answers one class: by its predictions, and without them."""

import pytest

from tests.backend.evidences import DOUBLED, evidence, found, names, sick, spec

SPREAD = [100] * 10


def column(share: float, images: int = 1000, classes: int = 10) -> list[int]:
    """Return predictions with a share of class 3, and the others as even as may be."""
    most = round(share * images)
    rest, extra = divmod(images - most, classes - 1)
    others = [rest + (place < extra) for place in range(classes - 1)]
    return [*others[:3], most, *others[3:]]


def test_a_network_that_answers_one_class_has_collapsed() -> None:
    run = evidence([5.0] * 3, [0.1] * 3, [0.1] * 3, predicted={3: column(0.99)}, spec=spec())
    one = found(run, "collapsed")
    assert (one.severity, one.epoch, one.until) == ("sick", 3, 3)
    assert one.evidence["class"] == 3
    assert "99.0%" in one.sentence
    assert one.change == {"optimizer.lr": 0.005}


@pytest.mark.parametrize(("share", "expected"), [(0.95, False), (0.951, True)])
def test_over_95_percent_is_the_edge(share: float, expected: bool) -> None:
    run = evidence([2.4], [0.1], [0.1], predicted={1: column(share)})
    assert ("collapsed" in names(run)) == expected


def test_it_holds_since_the_first_kept_predictions_of_the_last_streak() -> None:
    predicted = {1: column(0.99), 2: SPREAD, 4: column(0.99), 5: column(1.0)}
    assert found(evidence([2.4] * 5, [0.1] * 5, [0.1] * 5, predicted=predicted), "collapsed").epoch == 4


def test_a_collapse_that_passed_is_not_told() -> None:
    run = evidence([2.4, 1.9], [0.1, 0.3], [0.1, 0.3], predicted={1: column(0.99), 2: SPREAD})
    unkept = evidence([2.4, 1.9], [0.1, 0.3], [0.1, 0.3], predicted={1: column(0.99)})
    assert sick(run) == sick(unkept) == []


def test_a_class_that_makes_up_the_test_set_may_have_all_predictions() -> None:
    usual = {"predicted": {1: column(0.97)}, "largest_class": 0.96}
    assert sick(evidence([0.1], [0.97], [0.97], **usual)) == []
    assert sick(evidence([0.1], [0.97], **usual)) == []


def test_a_network_that_is_right_more_often_than_the_largest_class_has_not_collapsed() -> None:
    run = evidence([0.2], [0.96], [0.955], predicted={1: column(0.955)}, largest_class=0.93)
    constant = evidence([0.2], [0.93], [0.93], predicted={1: column(0.99)}, largest_class=0.93)
    assert sick(run) == []
    assert sick(constant) == ["collapsed"]


def test_one_answer_shows_by_itself_where_the_shares_of_classes_are_not_known() -> None:
    run = evidence([1.2], [0.6], [0.6], predicted={1: column(1.0)})
    assert sick(run) == ["collapsed"]
    assert "In training" not in found(run, "collapsed").sentence
    better = evidence([0.2], [0.96], [0.945], predicted={1: column(0.955)})
    assert sick(better) == []


def test_all_predictions_in_another_class_than_the_largest_are_a_collapse() -> None:
    run = evidence([4.0], [0.02], [0.02], predicted={1: column(0.99)}, largest_class=0.97)
    assert sick(run) == ["collapsed"]


def test_a_run_under_way_needs_two_kept_epochs_and_no_learning_in_training() -> None:
    once = evidence([2.4], [0.1], [0.1], predicted={1: column(0.99)}, ended=False)
    twice = {"predicted": {1: column(0.99), 2: column(0.99)}, "ended": False}
    averaged = spec(ema=0.999)
    assert sick(once) == []
    assert sick(evidence([2.4] * 2, [0.1] * 2, [0.1] * 2, **twice)) == ["collapsed"]
    assert sick(evidence([1.4, 1.0], [0.5, 0.6], [0.1] * 2, **twice, spec=averaged)) == []


def test_a_run_that_ends_with_an_average_that_lags_is_told_so() -> None:
    run = evidence(
        [1.4, 1.0], [0.5, 0.6], [0.1] * 2, predicted={2: column(0.99)}, spec={**spec(), "ema": 0.9999}
    )
    assert found(run, "collapsed").change == {"ema": None}


def test_one_answer_explains_that_nothing_is_known() -> None:
    run = evidence([2.303] * 3, [0.1] * 3, [0.1] * 3, predicted={3: column(1.0)})
    assert names(run) == ["collapsed"]
    assert "that of guessing, ln 10" in found(run, "collapsed").sentence
    spread = evidence([2.303] * 3, [0.1] * 3, [0.1] * 3, predicted={3: SPREAD})
    assert names(spread) == ["knows-nothing"]


def test_a_constant_accuracy_with_a_loss_over_guessing_shows_one_answer_without_predictions() -> None:
    run = evidence([3.0, 3.2, 3.1, 3.0, 3.2], [0.1] * 5, [0.1] * 5)
    assert names(run) == ["collapsed"]
    assert names(evidence([3.0, 3.2, 3.1, 3.2], [0.1] * 4, [0.1] * 4)) == ["worse-than-guessing"]
    assert "collapsed" not in names(evidence([2.2] * 5, [0.1] * 5, [0.1] * 5))
    assert "collapsed" not in names(evidence([3.0] * 5, [0.1] * 5, [0.12] * 5))


def test_a_collapse_under_softmax_twice_is_told_as_both() -> None:
    stands = [DOUBLED - 0.1] * 5
    run = evidence(stands, [0.1] * 5, [0.1] * 5, predicted={5: column(1.0)})
    assert names(run) == ["softmax-twice", "collapsed"]
    assert "softmax applied twice" in found(run, "collapsed").sentence
    assert found(run, "collapsed").change == {"loss.name": "cross_entropy"}


def test_empty_predictions_and_one_class_are_no_evidence() -> None:
    assert sick(evidence([2.0], [0.3], [0.3], predicted={1: [0] * 10, 2: []})) == []
    assert sick(evidence([0.0] * 3, [1.0] * 3, [1.0] * 3, classes=1, predicted={3: [50]})) == []
