"""The simulated runs are what they are called: each fault took, and no healthy run lacks what makes it healthy.

Measured bluntly, with no rule of the service: they judge the rules.
"""

import itertools
import math

import pytest

from tests.simulated.described import Simulated
from tests.simulated.healthy import with_notes
from tests.simulated.runs import corpus, table
from tests.simulated.sick import diverged


def named(sickness: str | None) -> list[Simulated]:
    return [run for run in corpus() if run.sick == sickness]


def last(run: Simulated, metric: str) -> float:
    value = run.evidence.series[metric][-1]
    assert value is not None
    return value


def by_chance(run: Simulated) -> float:
    """Return the test accuracy that answering the most frequent class reaches by luck one time in many thousands."""
    share = run.evidence.largest_class or 1 / run.evidence.classes
    return share + 4 * math.sqrt(share * (1 - share) / (run.evidence.test_images or 400))


def test_there_are_enough_of_both_and_they_are_the_same_each_time() -> None:
    ill = [run for run in corpus() if run.sick]
    assert len(ill) >= 25
    assert len(corpus()) - len(ill) >= 25
    assert len({run.name for run in corpus()}) == len(corpus())
    assert {run.sick for run in ill} == {
        "knows_nothing",
        "collapsed",
        "doubled_softmax",
        "diverged",
        "overfitting",
        "identical",
    }
    by_name = {run.name: run for run in corpus()}
    for again in itertools.chain(diverged(), with_notes()):
        # As text: NaN is not equal to itself.
        assert repr(again) == repr(by_name[again.name])


def test_they_vary_in_classes_epochs_and_what_is_stored() -> None:
    runs = [run.evidence for run in corpus()]
    assert {run.classes for run in runs} == {2, 10, 100}
    assert min(run.epochs_done for run in runs) == 1
    assert max(run.epochs_done for run in runs) == 60
    assert any("val_loss" in run.series for run in runs)
    assert any(None in values for run in runs for values in run.series.values())
    assert any(not run.ended for run in runs)
    assert any(run.epochs_done < run.epochs_planned for run in runs if run.ended)


def test_whoever_answers_one_class_or_knows_nothing_is_no_better_than_chance() -> None:
    for run in (*named("knows_nothing"), *named("collapsed")):
        assert last(run, "test_acc") <= by_chance(run), run.name
    for run in named("collapsed"):
        counts = run.evidence.predicted[run.evidence.epochs_done]
        assert max(counts) == sum(counts), run.name


def test_whatever_had_softmax_twice_ended_near_certain_answers() -> None:
    for run in named("doubled_softmax"):
        certain = math.log(math.e + run.evidence.classes - 1) - last(run, "train_acc")
        assert last(run, "train_loss") == pytest.approx(certain, abs=0.01), run.name
        assert "doubl" not in str(run.evidence.spec) and "probabilities" not in str(run.evidence.spec)


def test_whatever_diverged_ended_far_above_its_start_or_in_no_number() -> None:
    for run in named("diverged"):
        start, end = run.evidence.series["train_loss"][0], last(run, "train_loss")
        assert start is not None
        assert not math.isfinite(end) or end > 10 * start, run.name


def test_whatever_was_overfitted_knows_its_own_images_and_got_worse_on_others() -> None:
    for run in named("overfitting"):
        losses = [value for value in run.evidence.series["test_loss"] if value is not None]
        lowest = losses.index(min(losses))
        assert lowest < len(losses) // 2, run.name
        assert losses[-1] > losses[lowest] + 0.05, run.name
        assert last(run, "train_acc") - last(run, "test_acc") > 0.2, run.name


def test_twins_have_equal_curves_and_are_sick_only_if_their_recipes_differ() -> None:
    by_name = {run.name: run for run in corpus()}
    twins = [run for run in corpus() if run.twin]
    assert len(twins) == 6
    for run in twins:
        other = by_name[run.twin or ""]
        assert other.twin == run.name
        assert run.evidence.series == other.evidence.series
        assert (run.evidence.spec != other.evidence.spec) == (run.sick == "identical")


def test_every_healthy_run_that_has_ended_is_better_than_chance_and_learned_from_its_start() -> None:
    for run in named(None):
        if run.evidence.ended:
            assert last(run, "test_acc") > by_chance(run), run.name
            first = run.evidence.series["train_loss"][0]
            assert first is not None and last(run, "train_loss") <= first, run.name


def test_a_plateau_is_one_and_is_left() -> None:
    for run in named(None):
        if "plateau" in run.notes:
            losses = run.evidence.series["train_loss"]
            blank = math.log(run.evidence.classes)
            assert [value for value in losses[:3] if value is not None] == pytest.approx(
                [blank] * 3, rel=0.005
            )
            assert last(run, "train_loss") < 0.5 * blank


def test_those_that_fit_their_images_without_harm_never_got_worse_on_others() -> None:
    (run,) = (run for run in corpus() if run.name.startswith("few images by heart"))
    losses = [value for value in run.evidence.series["test_loss"] if value is not None]
    assert losses == sorted(losses, reverse=True)
    assert last(run, "train_acc") - last(run, "test_acc") > 0.1


def test_the_table_has_a_line_for_each_run() -> None:
    lines = table(corpus()).splitlines()
    assert len(lines) == len(corpus()) + 1
    assert lines[1].startswith("knows_nothing")
    assert any(line.startswith("-") and "still_improving" in line for line in lines)
