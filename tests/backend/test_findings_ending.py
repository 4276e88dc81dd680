"""How runs go wrong and how they end: diverged, not a number, over-fitting, still improving, slow."""

import math
from collections.abc import Mapping
from typing import Any

import pytest

from backend.analysis.findings.registry import findings_of
from backend.spec import parse_spec
from tests.backend.evidences import SPEC, evidence, found, names, sick, spec

NAN, INF = math.nan, math.inf
RISING = [0.1, 0.2, 0.3, 0.4]


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_a_training_loss_that_is_no_number_has_diverged_since_then(value: float) -> None:
    run = evidence([2.0, 1.9, value, value], RISING, [0.1] * 4, predicted={4: [1000] + [0] * 9}, spec=spec())
    one = found(run, "diverged")
    assert (one.severity, one.epoch, one.until) == ("sick", 3, 4)
    assert one.change == {"optimizer.lr": 0.005}
    assert sick(run) == ["diverged"], "it explains the one answer and the values that are none"


@pytest.mark.parametrize(("last", "expected"), [(4.61, True), (4.59, False)])
def test_twice_the_start_is_the_edge(last: float, expected: bool) -> None:
    assert ("diverged" in names(evidence([2.3, 2.4, last], [0.1, 0.2, 0.2], [0.2] * 3))) == expected


def test_a_bump_that_recovers_is_no_divergence() -> None:
    assert sick(evidence([2.0, 9.0, 1.5], [0.2, 0.1, 0.4], [0.2, 0.1, 0.4])) == []


def test_one_high_epoch_of_a_run_under_way_may_be_a_bump() -> None:
    assert sick(evidence([2.0, 9.0], [0.2, 0.1], [0.2, 0.1], ended=False)) == []
    assert sick(evidence([2.0, 9.0, 9.0], [0.2] * 3, [0.2] * 3, ended=False)) == ["diverged"]
    assert sick(evidence([2.0, NAN], [0.2, 0.1], [0.2, 0.1], ended=False)) == ["diverged"]


def test_a_loss_that_began_near_zero_may_double() -> None:
    assert sick(evidence([0.02, 0.03, 0.05], [0.99] * 3, [0.95] * 3)) == []
    assert sick(evidence([0.02, 0.03, 0.5], [0.99, 0.99, 0.9], [0.95] * 3)) == ["diverged"]


def test_a_number_that_is_none_is_told_even_where_the_training_recovered() -> None:
    run = evidence([2.0, NAN, 1.5], [0.2, 0.2, 0.4], [0.2, 0.2, 0.4], [2.0, INF, 1.5])
    one = found(run, "not-a-number")
    assert (one.severity, one.epoch, one.until) == ("sick", 2, 2)
    assert one.evidence["metrics"] == ["test_loss", "train_loss"]
    assert "2 values are no number" in one.sentence


def test_gaps_are_not_values_that_are_none() -> None:
    assert names(evidence([2.0, None, 1.5], [0.2, None, 0.4], [0.2, None, 0.4])) == []


def test_test_loss_that_rises_behind_a_gap_is_over_fitting() -> None:
    train = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
    test = [0.5, 0.58, 0.62, 0.62, 0.62, 0.62]
    run = evidence([1.5, 1.2, 0.9, 0.6, 0.3, 0.2], train, test, [1.4, 1.2, 1.15, 1.25, 1.4, 1.6], spec=spec())
    one = found(run, "over-fitting")
    assert (one.severity, one.epoch, one.until) == ("sick", 4, 6)
    assert one.evidence["gap"] == pytest.approx(0.33)
    assert one.change == {"dataset.validation": 0.1, "early_stopping.patience": 3}


@pytest.mark.parametrize(("gap", "expected"), [(0.101, True), (0.099, False)])
def test_ten_points_are_the_edge_of_the_gap(gap: float, expected: bool) -> None:
    run = evidence([0.5] * 6, [0.9] * 6, [0.9 - gap] * 6, [1.2, 1.0, 1.0, 1.2, 1.4, 1.6])
    assert (sick(run) == ["over-fitting"]) == expected


@pytest.mark.parametrize(("rise", "expected"), [(1.025, True), (1.015, False)])
def test_two_percent_are_the_edge_of_the_rise(rise: float, expected: bool) -> None:
    run = evidence([0.5] * 6, [0.9] * 6, [0.7] * 6, [1.0, 1.0, 1.0, 1.0, rise, rise])
    assert (sick(run) == ["over-fitting"]) == expected


def test_a_noisy_test_loss_that_stands_is_no_rise() -> None:
    noisy = [1.1, 0.9, 1.15, 0.88, 1.1, 0.92, 0.85, 1.12, 0.9, 1.14, 0.95, 1.1]
    assert sick(evidence([0.3] * 12, [0.95] * 12, [0.8] * 12, noisy)) == []
    high_at_the_end = [1.2, 0.8, 0.9, 0.8, 1.2, 0.8, 1.1, 0.9, 1.2, 1.15]
    assert sick(evidence([0.3] * 10, [0.95] * 10, [0.8] * 10, high_at_the_end)) == []


def test_a_gap_without_a_rising_test_loss_or_without_any_is_not_over_fitting() -> None:
    assert sick(evidence([0.1] * 6, [1.0] * 6, [0.7] * 6, [1.0] * 6)) == []
    assert sick(evidence([0.1] * 6, [1.0] * 6, [0.7] * 6)) == []


def test_a_run_that_stops_early_already_is_offered_weight_decay() -> None:
    stops = {**spec(), "early_stopping": {"patience": 3}}
    run = evidence([0.5] * 6, [0.9] * 6, [0.7] * 6, [1.2, 1.0, 1.0, 1.2, 1.4, 1.6], spec=stops)
    assert found(run, "over-fitting").change == {"optimizer.weight_decay": 5e-4}


def test_an_accuracy_that_still_rises_is_a_note_that_says_by_how_much() -> None:
    run = evidence([2.0, 1.8, 1.6, 1.4], RISING, RISING)
    one = found(run, "still-improving")
    assert (one.severity, one.epoch, one.until) == ("note", 1, 4)
    assert one.evidence["per_epoch"] == pytest.approx(0.1)
    assert "10.0 points an epoch" in one.sentence
    assert one.change == {"epochs": 8}


@pytest.mark.parametrize(("step", "expected"), [(0.0011, True), (0.0009, False)])
def test_a_tenth_of_a_point_an_epoch_is_the_edge(step: float, expected: bool) -> None:
    accuracies = [0.8 + step * epoch for epoch in range(6)]
    assert (names(evidence([0.5] * 6, accuracies, accuracies)) == ["still-improving"]) == expected


def test_a_rise_within_the_noise_is_none() -> None:
    assert names(evidence([0.5] * 5, [], [0.80, 0.84, 0.79, 0.85, 0.82])) == []


def test_what_is_under_way_stopped_early_or_cooled_down_is_not_said_to_improve() -> None:
    curve = ([2.0, 1.8, 1.6, 1.4], RISING, RISING)
    assert names(evidence(*curve, ended=False)) == []
    assert names(evidence(*curve, epochs_planned=10)) == []
    assert names(evidence(*curve, spec=spec(schedule={"name": "cosine"}))) == []


def test_an_epoch_that_takes_far_longer_than_its_device_needs_is_a_note() -> None:
    run = evidence([1.0], [0.5], [0.5], seconds_per_epoch=31.0, expected_seconds_per_epoch=20.0)
    one = found(run, "slow")
    assert (one.severity, one.evidence["times"]) == ("note", 1.55)
    for seconds, expected in ((30.0, 20.0), (31.0, None), (None, 20.0), (NAN, 20.0), (31.0, 0.0)):
        timed = evidence([1.0], [0.5], [0.5], seconds_per_epoch=seconds, expected_seconds_per_epoch=expected)
        assert names(timed) == []


def test_sick_findings_come_before_notes() -> None:
    run = evidence(
        [2.0, NAN], [0.2, 0.2], [0.2, 0.2], seconds_per_epoch=31.0, expected_seconds_per_epoch=20.0
    )
    assert names(run) == ["diverged", "slow"]


def test_every_change_that_is_offered_makes_a_spec_that_may_be_launched() -> None:
    curves = [
        evidence([2.303] * 3, [0.1] * 3, [0.1] * 3, spec=SPEC),
        evidence([2.0, NAN], [0.2] * 2, [0.2] * 2, spec=SPEC),
        evidence([0.5] * 6, [0.9] * 6, [0.7] * 6, [1.2, 1.0, 1.0, 1.2, 1.4, 1.6], spec=SPEC),
        evidence([2.0, 1.8, 1.6, 1.4], RISING, RISING, spec=SPEC),
    ]
    for run in curves:
        (one,) = findings_of(run)
        assert one.change
        parse_spec(changed(one.change))


def changed(change: Mapping[str, Any]) -> dict[str, Any]:
    """Return SPEC with fields changed by their dotted paths."""
    made: dict[str, Any] = {
        name: dict(part) if isinstance(part, dict) else part for name, part in SPEC.items()
    }
    for path, value in change.items():
        *above, last = path.split(".")
        part = made
        for name in above:
            part = part.setdefault(name, {})
        part[last] = value
    return made
