"""Whether a network has begun to learn: knows nothing, worse than guessing, plateau then escape."""

import math

import pytest

from backend.analysis.findings.guessing import guess_limit
from tests.backend.evidences import LN_10, evidence, found, names, sick, spec


def test_two_epochs_at_the_loss_of_guessing_know_nothing() -> None:
    one = found(evidence([2.303, 2.302], [0.1, 0.1], [0.101, 0.099]), "knows-nothing")
    assert (one.severity, one.epoch, one.until) == ("sick", 1, 2)
    assert one.evidence["loss"] == 2.302
    assert "2.302" in one.sentence
    assert "9.9%" in one.sentence


def test_one_epoch_at_the_loss_of_guessing_says_nothing() -> None:
    assert names(evidence([2.303], [0.1], [0.1])) == []


@pytest.mark.parametrize("share", [0.9951, 1.0049])
def test_a_loss_just_within_half_a_percent_is_that_of_guessing(share: float) -> None:
    assert "knows-nothing" in names(evidence([share * LN_10] * 3, [0.1] * 3, [0.1] * 3))


@pytest.mark.parametrize("share", [0.9949, 1.0051])
def test_a_loss_just_outside_half_a_percent_is_not_that_of_guessing(share: float) -> None:
    assert "knows-nothing" not in names(evidence([share * LN_10] * 3, [0.1] * 3, [0.1] * 3))


@pytest.mark.parametrize(("accuracy", "knows"), [(0.1499, False), (0.1501, True)])
def test_an_accuracy_of_one_and_a_half_times_guessing_is_the_edge_for_ten_classes(
    accuracy: float, knows: bool
) -> None:
    assert ("knows-nothing" not in names(evidence([2.3] * 3, [0.1] * 3, [accuracy] * 3))) == knows


def test_a_training_accuracy_over_guessing_shows_that_something_is_known() -> None:
    assert sick(evidence([2.3] * 3, [0.2] * 3, [0.1] * 3)) == []


def test_of_two_classes_55_percent_is_something_on_many_images_and_luck_on_few() -> None:
    run = evidence([0.692] * 3, [], [0.55] * 3, classes=2, test_images=10_000)
    few = evidence([0.692] * 3, [], [0.55] * 3, classes=2, test_images=100)
    assert sick(run) == []
    assert sick(few) == ["knows-nothing"]


def test_of_a_hundred_classes_two_percent_is_something() -> None:
    assert sick(evidence([4.6] * 3, [0.02] * 3, [0.02] * 3, classes=100, test_images=10_000)) == []
    assert sick(evidence([4.6] * 3, [0.01] * 3, [0.012] * 3, classes=100)) == ["knows-nothing"]


def test_with_unequal_classes_the_largest_share_is_what_guessing_gets() -> None:
    run = evidence([2.3] * 3, [0.3] * 3, [0.3] * 3, largest_class=0.3)
    assert sick(run) == ["knows-nothing"]
    assert sick(evidence([2.3] * 3, [0.4] * 3, [0.4] * 3, largest_class=0.3)) == []


def test_the_limit_as_solved_by_hand() -> None:
    assert guess_limit(evidence()) == pytest.approx(0.15)
    assert guess_limit(evidence(classes=2)) == pytest.approx(0.5 + 0.5 / 18)
    assert guess_limit(evidence(classes=100)) == pytest.approx(0.015)
    assert guess_limit(evidence(test_images=100)) == pytest.approx(0.1 + 3 * 0.03)


def test_a_gap_does_not_end_what_is_known() -> None:
    run = evidence([2.303, None, 2.302, 2.303], [0.1] * 4, [0.1, 0.1, None, 0.1])
    assert (found(run, "knows-nothing").epoch, found(run, "knows-nothing").until) == (1, 4)


def test_tests_that_ended_long_ago_do_not_say_how_a_run_ended() -> None:
    losses = [2.303, 2.303, 2.303, 2.1, 1.9, 1.8]
    assert sick(evidence(losses, [0.1] * 3, [0.1] * 3)) == []


def test_a_run_that_lost_all_knows_nothing_since_then() -> None:
    run = evidence([1.9, 1.6, 2.303, 2.303, 2.303], [0.3, 0.4, 0.1, 0.1, 0.1], [0.3, 0.4, 0.1, 0.1, 0.1])
    assert found(run, "knows-nothing").epoch == 3


def test_a_run_under_way_is_not_accused_while_it_warms_up() -> None:
    schedule = {"warmup_epochs": 3.0}
    run = evidence([2.303] * 3, [0.1] * 3, [0.1] * 3, ended=False, spec=spec(schedule=schedule))
    later = evidence([2.303] * 4, [0.1] * 4, [0.1] * 4, ended=False, spec=spec(schedule=schedule))
    assert sick(run) == []
    assert sick(later) == ["knows-nothing"]


def test_plain_sgd_is_offered_momentum_and_others_another_learning_rate() -> None:
    stuck = ([2.303] * 3, [0.1] * 3, [0.1] * 3)
    assert found(evidence(*stuck, spec=spec()), "knows-nothing").change == {"optimizer.momentum": 0.9}
    adam = spec(optimizer={"name": "adam", "lr": 0.003})
    assert found(evidence(*stuck, spec=adam), "knows-nothing").change == {"optimizer.lr": 0.0003}
    falling = evidence([2.303, 2.302, 2.301], *stuck[1:], spec=adam)
    assert found(falling, "knows-nothing").change == {"optimizer.lr": 0.009}
    assert found(evidence(*stuck), "knows-nothing").change is None


def test_a_loss_that_stays_over_that_of_guessing_is_worse_than_guessing() -> None:
    run = evidence([2.9, 3.1, 3.0], [0.1] * 3, [0.1, 0.12, 0.11], spec=spec())
    one = found(run, "worse-than-guessing")
    assert (one.epoch, one.until, one.change) == (1, 3, {"optimizer.lr": 0.005})
    assert sick(run) == ["worse-than-guessing"]


def test_two_epochs_or_a_loss_that_comes_down_are_not_worse_than_guessing() -> None:
    assert sick(evidence([2.9, 3.0], [0.1] * 2, [0.1, 0.12])) == []
    assert sick(evidence([2.4, 2.38, 2.36], [0.1] * 3, [0.1, 0.12, 0.11])) == []
    assert sick(evidence([9.0, 11.0, 10.0], [0.8] * 3, [0.8, 0.82, 0.81])) == []


def test_a_plateau_that_is_left_is_a_note_and_no_sickness() -> None:
    run = evidence([2.302, 2.301, 2.2, 2.0], [0.1, 0.11, 0.2, 0.3], [0.1, 0.11, 0.25, 0.32])
    one = found(run, "plateau-then-escape")
    assert (one.severity, one.epoch, one.until) == ("note", 1, 2)
    assert "2.302 and 2.301" in one.sentence
    assert sick(run) == []


def test_a_plateau_that_is_not_left_by_loss_and_accuracy_is_none_yet() -> None:
    assert "plateau-then-escape" not in names(evidence([2.302, 2.301, 2.2], [0.1] * 3, [0.1, 0.11, 0.14]))
    assert "plateau-then-escape" not in names(evidence([2.302, 2.2, 2.0], [0.1] * 3, [0.1, 0.2, 0.3]))


def test_the_loss_of_guessing_follows_the_classes() -> None:
    run = evidence([math.log(1000)] * 2, [0.001] * 2, [0.001] * 2, classes=1000)
    assert sick(run) == ["knows-nothing"]
