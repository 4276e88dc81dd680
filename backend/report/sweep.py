"""The sweep over intermediate layers: which collapse under the doubled softmax, and why, in stored numbers."""

from dataclasses import dataclass
from typing import Any

from backend.analysis.chance import MostPredicted
from backend.analysis.doubled_softmax import (
    first_gradient,
    first_step,
    is_saturated,
    saturated_loss,
    saturating_lead,
)
from backend.analysis.numerals import percent
from backend.catalog.presets import Planned
from backend.catalog.reports import SweepPart
from backend.contract import RunState
from backend.report.experiments import brief
from backend.report.material import Material
from backend.report.outcomes import Outcome
from backend.store.reports import StoredRun

NOTICEABLE_STEP = 1.0
"""Nats. A first step of a logit below this leaves a softmax of equal logits nearly as it was."""


@dataclass(frozen=True)
class Arm:
    """One training of the sweep: a node, as published or corrected."""

    planned: Planned
    run: StoredRun | None
    outcome: Outcome | None

    @property
    def is_complete(self) -> bool:
        return self.run is not None and self.run.state == RunState.COMPLETED

    @property
    def features(self) -> dict[str, Any]:
        """What the worker told of the features, {} before that."""
        return ((self.run.environment if self.run else None) or {}).get("features") or {}

    @property
    def most(self) -> MostPredicted | None:
        return self.outcome.most if self.outcome else None

    @property
    def collapsed(self) -> bool:
        return self.outcome is not None and self.outcome.collapsed

    def last(self, metric: str) -> float | None:
        return self.run.value(metric, self.run.epoch) if self.run else None


def sweep_block(part: SweepPart, material: Material) -> dict[str, Any]:
    """Return the block of the sweep, a row for each node."""
    nodes = list(dict.fromkeys(node for node, _ in material.plan.sweep))
    rows = [_row(node, material) for node in nodes]
    return {"kind": "sweep", "id": part.id, "title": part.title, "text": part.text, "rows": rows}


def _row(node: str, material: Material) -> dict[str, Any]:
    published, corrected = (_arm(material.plan.sweep[node, fixed], material) for fixed in (False, True))
    facts = published.features or corrected.features
    return {
        "node": node,
        "shape": facts.get("shape"),
        "dimension": facts.get("dimension"),
        "published": _wire(published),
        "corrected": _wire(corrected),
        "mean_square_norm": published.features.get("mean_square_norm"),
        "lr": published.planned.spec.optimizer.lr,
        "reason": reason(published, corrected),
    }


def _arm(planned: Planned, material: Material) -> Arm:
    return Arm(planned, material.run_of(planned), material.outcome_of(planned))


def _wire(arm: Arm) -> dict[str, Any]:
    return {
        "run": brief(arm.run),
        "state": arm.run.state if arm.run else None,
        "train_loss": arm.last("train_loss"),
        "test_acc": arm.last("test_acc"),
        "largest_share": arm.most.share if arm.most else None,
        "collapsed": arm.collapsed if arm.most else None,
        "mean_square_norm": arm.features.get("mean_square_norm"),
        "lr": arm.planned.spec.optimizer.lr,
        "loss": arm.planned.spec.loss.name,
    }


def reason(published: Arm, corrected: Arm) -> str:
    """Return whether a layer collapsed, and what of it lr x ||x||^2 explains and what it does not."""
    if not (published.is_complete or corrected.is_complete):
        return f"Not measured yet: as published, {_standing(published.run)}; corrected, {_standing(corrected.run)}."
    return f"{_published_reason(published)} {_corrected_reason(corrected)}"


def _published_reason(arm: Arm) -> str:
    if not arm.is_complete:
        return f"As published it is not measured yet: {_standing(arm.run)}."
    if arm.outcome is None or arm.most is None:
        return "As published: its last predictions are not stored, so a collapse cannot be told."
    classes = arm.outcome.classes
    if classes < 2:
        return "As published: its data set has one class, so there is nothing to collapse to."
    what = _what_happened(arm.outcome, arm.most)
    norm = arm.features.get("mean_square_norm")
    if norm is None:
        return f"As published it {what}; the size of its features was not recorded."
    lr = arm.planned.spec.optimizer.lr
    step, lead = first_step(classes, lr, norm), saturating_lead(classes)
    numbers = (
        f"lr × ‖x‖² = {lr:g} × {_short(norm)} = {_short(lr * norm)}; at the start the images of one class, 1/{classes} "
        f"of a batch with a gradient of {first_gradient(classes):g} each, move their logit by at most about "
        f"{_short(step)} in one step, and a lead of {lead:.1f} saturates the softmax."
    )
    return f"As published it {what}: {numbers} {_explained(arm.outcome, step, lead)}"


def _what_happened(outcome: Outcome, most: MostPredicted) -> str:
    verb = "collapsed" if outcome.collapsed else "did not collapse"
    ending = "" if outcome.loss is None else f", training loss {outcome.loss:.4f}"
    if outcome.knows_nothing:
        verb = "still knows nothing"
        ending += f", that of guessing among {outcome.classes} classes"
    return f"{verb} ({percent(most.share)} of its predictions are '{most.name}'{ending})"


def _explained(outcome: Outcome, step: float, lead: float) -> str:
    if outcome.collapsed and step >= lead:
        return f"So the first steps can saturate the inner softmax; {_stuck(outcome)}"
    if outcome.collapsed and step >= NOTICEABLE_STEP:
        return f"One step is not enough for that, but a few that go the same way are; {_stuck(outcome)}"
    if outcome.collapsed:
        return "Steps that small do not explain the collapse."
    if step >= lead:
        return "Steps that large could have saturated the inner softmax; they did not, which this number leaves open."
    if step >= NOTICEABLE_STEP:
        return "A few steps that go the same way could saturate the inner softmax; here they did not."
    if outcome.knows_nothing:
        return "Steps that small leave the inner softmax soft; these were too few to learn from."
    return "Steps that small leave the inner softmax soft, so its gradient stays alive."


def _stuck(outcome: Outcome) -> str:
    """Say what a saturated softmax comes to; where its loss should stand only if that is where the stored one is."""
    classes, share = outcome.classes, 1 / outcome.classes
    said = "a saturated softmax passes no gradient through the second one"
    if outcome.loss is None or not is_saturated(classes, outcome.loss, share):
        return f"{said}."
    return (
        f"{said}, so the loss stays where it is: about ln(e + {classes - 1}) − 1/{classes} = "
        f"{saturated_loss(classes, share):.4f} for {classes} balanced classes."
    )


def _corrected_reason(arm: Arm) -> str:
    if not arm.is_complete:
        return f"Corrected it is not measured yet: {_standing(arm.run)}."
    if arm.outcome is None or arm.most is None:
        return "Corrected: its last predictions are not stored."
    what = f"Corrected it {_what_happened(arm.outcome, arm.most)}"
    if arm.outcome.collapsed:
        return f"{what}, so there the loss is not what did it."
    if arm.outcome.knows_nothing:
        return f"{what}: too few steps."
    return f"{what}: cross-entropy of logits keeps a gradient on every wrong answer, however certain."


def _standing(run: StoredRun | None) -> str:
    return "not launched" if run is None else f"run {run.id} is {run.state}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
