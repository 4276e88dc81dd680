"""What a report makes of the numbers of one run: its outcome, the reason of the sweep, the time that was spent."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from backend.catalog.presets import Planned
from backend.catalog.references import published_tables
from backend.catalog.reports import report
from backend.contract import RunState
from backend.readiness import GENERATED
from backend.report.experiments import outcome_note
from backend.report.material import Material
from backend.report.outcomes import outcome
from backend.report.standing import seconds
from backend.report.sweep import Arm, reason
from backend.reporting import ReportPlan, Variant, plan_report
from backend.store.points import Series
from backend.store.reports import Found, Predicted, StoredRun

NAMES = [f"class {number}" for number in range(10)]
EVEN = bytes(image % 10 for image in range(200))
ONE_CLASS = bytes([3] * 200)
TWO_CLASSES = bytes([3, 4] * 100)
QUICK, PUBLISHED = (
    plan_report(Variant("cifar10-transfer", size, "shapes", "glyphs")) for size in ("quick", "published")
)


def a_run(
    planned: Planned,
    loss: float,
    accuracy: float,
    predicted: bytes,
    *,
    labels: bytes = EVEN,
    names: Sequence[str] = NAMES,
    norm: float = 40_000.0,
) -> StoredRun:
    """Return a completed run of two epochs that ends at these numbers."""
    last = {"train_loss": loss, "train_acc": accuracy, "test_acc": accuracy}
    return StoredRun(
        id=7,
        name="a run",
        recipe=planned.spec.recipe_hash(),
        seed=0,
        epochs=2,
        state=RunState.COMPLETED,
        reason=None,
        detail=None,
        attempt=1,
        progress=None,
        parent_id=None,
        started_at=None,
        finished_at=None,
        series={name: Series([1, 2], [value, value]) for name, value in last.items()},
        environment={"features": {"mean_square_norm": norm}},
        predicted=Predicted(2, "7" * 64, list(names), labels, predicted),
    )


def note_of(plan: ReportPlan, run: StoredRun, name: str = "softmax-original") -> dict[str, str] | None:
    found = Found({run.key: run}, {run.id: run})
    material = Material(
        report("cifar10-transfer"), plan, published_tables(), dict(GENERATED), found, [0], run.seed
    )
    return outcome_note(plan.cells[name], run, material)


def sweep_reason(published: StoredRun, corrected: StoredRun) -> str:
    arms = [
        Arm(QUICK.sweep["layer1", fixed], run, outcome(run, None, None))
        for fixed, run in ((False, published), (True, corrected))
    ]
    return reason(arms[0], arms[1])


PLANNED = QUICK.cells["softmax-original"]
SWEPT = QUICK.sweep["layer1", False]


def test_a_run_that_still_knows_nothing_is_not_called_collapsed_in_table_or_sweep() -> None:
    run = a_run(PLANNED, 2.3026, 0.1, ONE_CLASS)
    note = note_of(QUICK, run)
    assert note
    assert note["kind"] == "chance"
    assert note["text"].startswith("too few steps")
    assert note["text"].endswith("the training loss is 2.303; 100.0% of its predictions are 'class 3'")
    said = sweep_reason(run, run)
    assert "As published it still knows nothing (100.0%" in said
    assert "Corrected it still knows nothing" in said
    assert "collapsed" not in said


def test_a_collapse_names_the_loss_of_certain_answers_only_where_the_stored_loss_is_near() -> None:
    near, far = (a_run(SWEPT, loss, 0.1, ONE_CLASS) for loss in (2.361, 1.9))
    assert "= 2.3612 for 10 balanced classes" in sweep_reason(near, near)
    said = sweep_reason(far, far)
    assert "As published it collapsed" in said
    assert "2.3612" not in said


@pytest.mark.parametrize("plan", [QUICK, PUBLISHED])
def test_saturated_answers_in_two_classes_are_not_blamed_on_too_few_steps(plan: ReportPlan) -> None:
    note = note_of(plan, a_run(plan.cells["softmax-original"], 2.3612, 0.1, TWO_CLASSES))
    assert note
    assert note["kind"] == "chance"
    assert note["text"].startswith("no better than guessing: ")
    assert "the training loss is 2.361" in note["text"]


def test_chance_that_is_neither_blank_nor_saturated_took_too_few_steps_in_the_quick_size_only() -> None:
    for plan, words in ((QUICK, "too few steps"), (PUBLISHED, "no better than guessing")):
        note = note_of(plan, a_run(plan.cells["softmax-original"], 1.7, 0.1, EVEN))
        assert note
        assert note["text"].startswith(words)


def test_a_collapse_is_told_whatever_the_accuracy() -> None:
    labels = bytes([3] * 80 + [4] * 120)
    note = note_of(QUICK, a_run(PLANNED, 0.5, 0.4, ONE_CLASS, labels=labels))
    assert note == {"kind": "collapsed", "text": "collapsed: 100.0% of its predictions are 'class 3'"}


def test_guessing_is_as_good_as_the_most_frequent_true_class() -> None:
    # 120 of 200 images are of class 4: 0.6 + 1.645 sqrt(0.24 / 200) = 0.657
    labels = bytes([3] * 80 + [4] * 120)
    assert note_of(QUICK, a_run(PLANNED, 1.0, 0.66, TWO_CLASSES, labels=labels)) is None
    note = note_of(QUICK, a_run(PLANNED, 1.0, 0.65, TWO_CLASSES, labels=labels))
    assert note
    assert "65.0% is not above the 65.7% that guessing gives" in note["text"]
    assert "60.0% for the most frequent class" in note["text"]


def test_one_class_is_neither_chance_nor_collapse() -> None:
    run = a_run(SWEPT, 0.0, 1.0, bytes(200), labels=bytes(200), names=["only"])
    found = outcome(run, None, None)
    assert found
    assert not (found.collapsed or found.knows_nothing or found.at_chance)
    assert "its data set has one class" in sweep_reason(run, run)


def test_predictions_of_an_earlier_epoch_do_not_tell_a_collapse() -> None:
    run = a_run(SWEPT, 1.0, 0.1, ONE_CLASS)
    assert run.predicted
    older = replace(run, predicted=replace(run.predicted, epoch=1))
    found = outcome(older, None, None)
    assert found
    assert (found.most, found.collapsed, found.guess) == (None, False, 0.1)


def test_the_time_spent_leaves_out_what_was_idle_and_counts_what_ran_side_by_side_once() -> None:
    run = a_run(PLANNED, 1.0, 0.1, EVEN)

    def ran(started: float | None, finished: float | None) -> StoredRun:
        changes: dict[str, Any] = {"started_at": started, "finished_at": finished}
        return replace(run, **changes)

    # 0 to 10 and 5 to 12 are 12 seconds; two idle days; then 7 to now, and one inside it.
    later = 172_800.0
    runs = [ran(later, None), ran(0, 10), ran(5, 12), ran(later + 1, later + 2), ran(None, None)]
    assert seconds(runs, now=later + 7) == 12 + 7
    assert seconds([ran(None, None)], now=1.0) is None
    assert seconds([], now=1.0) is None
