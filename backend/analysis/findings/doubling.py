"""Whether softmax was applied twice, from losses and accuracies alone.

Answers that are all certain have then a loss of ln(e + C - 1) - accuracy. But a healthy network may have such a loss for
a while as well: one whose confidence is everywhere its accuracy `a` has H(a) + (1 - a) ln(C - 1), which is less by exactly
the divergence of `a` from e/(e + C - 1), and that is nothing at 23% with ten classes, or 73% with two. So being on the
line counts only where it lies clear of what an honest network has, lasts to the end, does not just cross the line, and
no loss ever left the range that is possible.
"""

import math

from backend.analysis.doubled_softmax import highest_loss, is_saturated, lowest_loss, saturated_loss
from backend.analysis.findings.changes import single_softmax
from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.finding import Finding
from backend.analysis.findings.guessing import guess_limit
from backend.analysis.findings.reading import Row, finite, last_streak, planned, planned_number, rows, shown
from backend.analysis.numerals import percent

FEWEST_EPOCHS = 3

AGAINST_THE_SPEC = 5
"""Epochs that are asked for where the spec names the loss of logits, so that the network would have to end in a softmax."""

CLEAR = 0.05
"""Nats between the line and an honest network's loss: 0.0586 for one answer among ten classes, as in Table 3.2."""

AT_GUESSING = 0.01
"""Nats off the line where accuracy is that of guessing: one certain answer keeps to it exactly, a wild loss does not."""

OUT_OF_RANGE = 0.01
"""Nats beyond the possible range that rounding and half precision never make."""

DRIFT_SHARE, DRIFT = 0.35, 0.01
"""Of what the loss changes in the last epochs, how much accuracy may leave unexplained; or so many nats."""


def softmax_twice(evidence: Evidence) -> Finding | None:
    """Say that loss and accuracy add up to ln(e + C - 1), epoch after epoch to the last."""
    if evidence.classes < 2 or _left_the_range(evidence) or (_is_mixed(evidence) and not _is_named(evidence)):
        return None
    kind = "test" if _is_mixed(evidence) else "training"
    metrics = ("test_loss", "test_acc") if kind == "test" else ("train_loss", "train_acc")
    streak = last_streak(
        evidence,
        rows(evidence, *metrics),
        lambda _, loss, accuracy: _is_on_the_line(evidence, loss, accuracy),
    )
    named = planned(evidence, "loss.name")
    if len(streak) < (AGAINST_THE_SPEC if named == "cross_entropy" else FEWEST_EPOCHS):
        return None
    if not _is_named(evidence) and _crosses(streak[-FEWEST_EPOCHS:]):
        return None
    (first, _), (last, (loss, accuracy)) = streak[0], streak[-1]
    classes = evidence.classes
    return Finding(
        "softmax-twice",
        "sick",
        first,
        last,
        {
            "loss": loss,
            "accuracy": accuracy,
            "sum": loss + accuracy,
            "wanted_sum": highest_loss(classes),
            "lowest_loss": lowest_loss(classes),
            "epochs": len(streak),
        },
        f"Softmax was applied twice: {kind} loss and {kind} accuracy add up to about ln(e + {classes - 1}) = "
        f"{highest_loss(classes):.4f} in {len(streak)} epochs since epoch {first} ({shown(loss)} and {percent(accuracy)} in "
        f"epoch {last}), as only certain answers under cross-entropy of probabilities do. Such a loss cannot fall below "
        f"{lowest_loss(classes):.4f}.",
        "Give the loss the network's logits, not probabilities: cross-entropy applies softmax itself.",
        single_softmax(evidence),
    )


def _is_named(evidence: Evidence) -> bool:
    return planned(evidence, "loss.name") == "cross_entropy_of_probabilities"


def _is_mixed(evidence: Evidence) -> bool:
    """Whether training targets are not plain labels: the training's loss and accuracy do not belong together then, and a
    network learns to be unsure, which looks like softmax applied twice in its tests as well."""
    smoothing = planned_number(evidence, "loss.label_smoothing")
    return bool(smoothing) or planned(evidence, "dataset.augment") == "mixup"


def _left_the_range(evidence: Evidence) -> bool:
    low, high = lowest_loss(evidence.classes) - OUT_OF_RANGE, highest_loss(evidence.classes) + OUT_OF_RANGE
    losses = [row for name in ("train_loss", "val_loss", "test_loss") for row in finite(rows(evidence, name))]
    return any(not low <= loss <= high for _, (loss,) in losses)


def _is_on_the_line(evidence: Evidence, loss: float, accuracy: float) -> bool:
    if not is_saturated(evidence.classes, loss, accuracy) or not 0 <= accuracy <= 1:
        return False
    if _is_named(evidence):
        return True
    if (
        accuracy < guess_limit(evidence)
        and abs(loss - saturated_loss(evidence.classes, accuracy)) > AT_GUESSING
    ):
        return False
    return clearance(evidence.classes, accuracy) >= CLEAR


def clearance(classes: int, accuracy: float) -> float:
    """Return by how much the line lies over the loss of a network whose confidence is its accuracy, in nats.

    The Kullback-Leibler divergence of a coin that falls right with `accuracy` from one with e/(e + C - 1).
    """
    tipping = math.e / (math.e + classes - 1)
    return _part(accuracy, tipping) + _part(1 - accuracy, 1 - tipping)


def _part(share: float, other: float) -> float:
    return share * math.log(share / other) if share > 0 else 0.0


def _crosses(streak: list[Row]) -> bool:
    """Whether the loss moves by itself, across the line, and not along it as accuracy moves."""
    (first, first_accuracy), (last, last_accuracy) = streak[0][1], streak[-1][1]
    drift = abs((last + last_accuracy) - (first + first_accuracy))
    return drift > max(DRIFT, DRIFT_SHARE * abs(last - first))
