"""Whether a network answers one class, whatever it is shown.

The predictions that were kept decide. Where none were, as in a published table, numbers can still tell: an accuracy that
is the share of one class to the last digit, epoch after epoch, with a loss over that of guessing.
"""

import math
from collections.abc import Mapping, Sequence

from backend.analysis.chance import BLANK_TOLERANCE, COLLAPSED_SHARE, at_chance
from backend.analysis.findings.changes import Change, divided_rate, faster_start, single_softmax
from backend.analysis.findings.doubling import softmax_twice
from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.finding import Finding
from backend.analysis.findings.guessing import guess_limit, guess_share, has_learned, is_guessing
from backend.analysis.findings.reading import (
    finite,
    is_warming_up,
    last_streak,
    planned,
    rows,
    shown,
    value_at,
)
from backend.analysis.numerals import percent

PRINTED = 0.0006
"""An accuracy printed with three decimals may be off by so much."""

LAG = 0.05
"""By so much training accuracy must lead before what is tested is said to be something else."""

CONSTANT_EPOCHS = 5
"""Epochs with the very same accuracy that show one answer where no predictions were kept."""


def collapsed(evidence: Evidence) -> Finding | None:
    """Say that nearly all test images are taken for one class, as it is now."""
    if evidence.classes < 2 or is_warming_up(evidence):
        return None
    kept = {
        epoch: counts
        for epoch, counts in evidence.predicted.items()
        if 0 < epoch <= evidence.epochs_done and sum(counts) > 0
    }
    return _by_predictions(evidence, kept) if kept else _by_numbers(evidence)


def _by_predictions(evidence: Evidence, kept: Mapping[int, Sequence[int]]) -> Finding | None:
    last = max(kept)
    streak: list[int] = []
    for epoch in sorted(kept, reverse=True):
        if not _is_one_class(evidence, epoch, kept[epoch]):
            break
        streak.append(epoch)
    # Of a run under way one evaluation may be luck, and what is tested may lag behind what is trained.
    if not streak or (not evidence.ended and (len(streak) < 2 or has_learned(evidence, last))):
        return None
    if _has_moved_on(evidence, last):
        return None
    counts = kept[last]
    number, share = counts.index(max(counts)), max(counts) / sum(counts)
    told = f"{percent(share)} of the test images are taken for class {number} in epoch {last}"
    return _finding(
        evidence, min(streak), last, told, {"class": number, "share": share, "limit": COLLAPSED_SHARE}
    )


def _is_one_class(evidence: Evidence, epoch: int, counts: Sequence[int]) -> bool:
    """Whether one column has nearly all predictions without being right: a class may make up so much of the test set."""
    share, usual = max(counts) / sum(counts), guess_share(evidence)
    accuracy = value_at(evidence, "test_acc", epoch)
    if share <= COLLAPSED_SHARE:
        return False
    if accuracy is None:
        return usual < COLLAPSED_SHARE
    if evidence.largest_class is None:
        usual = max(
            usual, accuracy - (1 - share)
        )  # so much at least is of that class, if classes are unequal
    return accuracy < COLLAPSED_SHARE and at_chance(accuracy, usual, evidence.test_images or sum(counts))


def _has_moved_on(evidence: Evidence, last: int) -> bool:
    """Whether a later epoch, whose predictions were not kept, is better than guessing."""
    limit = guess_limit(evidence)
    return any(epoch > last and accuracy >= limit for epoch, (accuracy,) in rows(evidence, "test_acc"))


def _by_numbers(evidence: Evidence) -> Finding | None:
    read = finite(rows(evidence, "train_loss", "test_acc"))
    if not read:
        return None
    constant, usual = read[-1][1][1], guess_share(evidence)
    if abs(constant - usual) > PRINTED or usual >= COLLAPSED_SHARE:
        return None
    lowest = (1 + BLANK_TOLERANCE) * math.log(evidence.classes)
    streak = last_streak(
        evidence,
        read,
        lambda epoch, loss, accuracy: (
            loss > lowest and accuracy == constant and not has_learned(evidence, epoch)
        ),
    )
    if len(streak) < CONSTANT_EPOCHS:
        return None
    told = f"Test accuracy is {shown(constant)} to the last digit in all {len(streak)} epochs read, the share of one class"
    return _finding(
        evidence, streak[0][0], streak[-1][0], told, {"test_acc": constant, "share_of_a_class": usual}
    )


def _finding(evidence: Evidence, first: int, last: int, told: str, numbers: dict[str, float]) -> Finding:
    loss = value_at(evidence, "train_loss", last)
    accuracy = value_at(evidence, "test_acc", last)
    about, advice, change = _about_the_loss(evidence, last, loss, accuracy)
    return Finding(
        "collapsed",
        "sick",
        first,
        last,
        {**numbers, "train_loss": loss, "test_acc": accuracy},
        f"{told}: the network answers one class, whatever it is shown.{about}",
        advice,
        change,
    )


def _about_the_loss(
    evidence: Evidence, epoch: int, loss: float | None, accuracy: float | None
) -> tuple[str, str, Change | None]:
    """Return what the loss adds to the diagnosis, and what is to be tried by it."""
    lower = "Take a learning rate ten times lower, and look at how large the inputs are."
    if loss is None or accuracy is None:
        return "", lower, divided_rate(evidence)
    if softmax_twice(evidence):
        return (
            f" The loss of {shown(loss)} is that of one certain answer under softmax applied twice.",
            "Take the loss of logits, which still has a gradient there; if it collapses again, a lower learning rate.",
            single_softmax(evidence),
        )
    if has_learned(evidence, epoch) and (value_at(evidence, "train_acc", epoch) or 0) > accuracy + LAG:
        return (
            " In training it is right far more often: what is tested is not what is trained.",
            "Look at the average of weights and at batch norm: more epochs let them catch up, or leave the average out.",
            {"ema": None} if planned(evidence, "ema") else None,
        )
    if is_guessing(evidence, epoch, loss, accuracy):
        advice = "Give it momentum or another learning rate; a plateau of plain SGD may also end by itself."
        return (
            f" The loss of {shown(loss)} is that of guessing, ln {evidence.classes}.",
            advice,
            faster_start(evidence),
        )
    return f" The loss is {shown(loss)}.", lower, divided_rate(evidence)
