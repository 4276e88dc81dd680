"""Whether a network has begun to learn at all."""

import math

from backend.analysis.chance import BLANK_TOLERANCE
from backend.analysis.findings.changes import divided_rate, faster_start
from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.finding import Finding
from backend.analysis.findings.guessing import guess_limit, has_learned, is_guessing
from backend.analysis.findings.reading import (
    falls_steadily,
    finite,
    first_streak,
    is_warming_up,
    last_streak,
    rows,
    shown,
)
from backend.analysis.numerals import listed, percent

FEWEST_EPOCHS = 2
"""Epochs at the loss of guessing before anything is said."""

WORSE_EPOCHS = 3
"""Epochs with a loss over that of guessing: one more, as a large learning rate may still come down from it."""


def knows_nothing(evidence: Evidence) -> Finding | None:
    """Say that loss and test accuracy are those of guessing, as they are now."""
    if evidence.classes < 2 or is_warming_up(evidence):
        return None
    read = rows(evidence, "train_loss", "test_acc")
    streak = last_streak(evidence, read, lambda epoch, *values: is_guessing(evidence, epoch, *values))
    if len(streak) < FEWEST_EPOCHS:
        return None
    (first, _), (last, (loss, accuracy)) = streak[0], streak[-1]
    blank, limit = math.log(evidence.classes), guess_limit(evidence)
    falling = falls_steadily([values[0] for _, values in streak])
    return Finding(
        "knows-nothing",
        "note" if _may_still_leave(evidence, len(streak)) else "sick",
        first,
        last,
        {"loss": loss, "ln_classes": blank, "test_acc": accuracy, "limit": limit},
        f"The loss stands at {shown(loss)} since epoch {first}, within 0.5% of ln {evidence.classes} = {blank:.4f}, the "
        f"loss of a network that knows nothing; test accuracy {percent(accuracy)} is under {percent(limit)}.",
        "The loss falls, but slowly: more epochs, momentum or a higher learning rate may leave this plateau."
        if falling
        else "The loss does not move down: momentum may leave this plateau; else take a learning rate ten times lower.",
        faster_start(evidence, falling=falling),
    )


def _may_still_leave(evidence: Evidence, epochs: int) -> bool:
    """Say whether a run has the better part of its epochs before it: plateaus end, as that of Table 1.1 did."""
    return not evidence.ended and epochs < evidence.epochs_planned / 2


def worse_than_guessing(evidence: Evidence) -> Finding | None:
    """Say that the loss stays over that of guessing while nothing is learned: steps are too large."""
    if evidence.classes < 2 or is_warming_up(evidence):
        return None
    blank, limit = math.log(evidence.classes), guess_limit(evidence)
    streak = last_streak(
        evidence,
        finite(rows(evidence, "train_loss", "test_acc")),
        lambda epoch, loss, accuracy: (
            loss > (1 + BLANK_TOLERANCE) * blank and accuracy < limit and not has_learned(evidence, epoch)
        ),
    )
    # Small steps may come down slowly from an unlucky start: then nothing is too large.
    if len(streak) < WORSE_EPOCHS or falls_steadily([values[0] for _, values in streak]):
        return None
    (first, _), (last, (loss, accuracy)) = streak[0], streak[-1]
    return Finding(
        "worse-than-guessing",
        "sick",
        first,
        last,
        {"loss": loss, "ln_classes": blank, "test_acc": accuracy, "limit": limit},
        f"The loss is {shown(loss)}, and over ln {evidence.classes} = {blank:.4f} since epoch {first}: worse than that of "
        f"a network that knows nothing, with a test accuracy of {percent(accuracy)}.",
        "Steps are too large: take a learning rate ten times lower.",
        divided_rate(evidence),
    )


def plateau_then_escape(evidence: Evidence) -> Finding | None:
    """Say that a run stood still at its start and then learned: not a broken run."""
    if evidence.classes < 2:
        return None
    read = rows(evidence, "train_loss", "test_acc")
    streak = first_streak(read, lambda epoch, *values: is_guessing(evidence, epoch, *values))
    if len(streak) < FEWEST_EPOCHS or len(streak) == len(read):
        return None
    last, (loss, accuracy) = read[-1]
    blank = math.log(evidence.classes)
    if not (
        math.isfinite(loss) and loss < (1 - BLANK_TOLERANCE) * blank and accuracy >= guess_limit(evidence)
    ):
        return None
    first, until = streak[0][0], streak[-1][0]
    losses = [shown(values[0]) for _, values in streak]
    stood = listed(losses) if len(losses) <= 4 else f"{losses[0]} to {losses[-1]}"
    return Finding(
        "plateau-then-escape",
        "note",
        first,
        until,
        {"losses": [values[0] for _, values in streak], "ln_classes": blank, "test_acc": accuracy},
        f"For epochs {first} to {until} the loss stands at {stood}, near ln {evidence.classes} = {blank:.4f}, the loss of a "
        f"network that knows nothing. Then it leaves, and test accuracy is {percent(accuracy)} in epoch {last}: a "
        "plateau, not a broken run.",
        "Nothing is wrong; momentum or a warmer start would shorten the plateau.",
        faster_start(evidence, falling=True),
    )
