"""Whether the loss ran away, and whether numbers are none."""

import math

from backend.analysis.findings.changes import divided_rate
from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.finding import Finding
from backend.analysis.findings.reading import LEARNING, finite, last_streak, rows, shown
from backend.contract import METRICS

TIMES_THE_START = 2.0

LEAST_RISE = 0.1
"""Of ln C: a loss that began near zero, from trained weights, may double and mean little."""

ADVICE = "Take a learning rate ten times lower; a warm-up or gradient clipping also keep steps small."


def diverged(evidence: Evidence) -> Finding | None:
    """Say that the training loss is no number, or over twice its start, as it is now. A bump that recovered is not told."""
    read = rows(evidence, "train_loss")
    lost = last_streak(evidence, read, lambda _, loss: not math.isfinite(loss))
    if lost:
        return _without_numbers(evidence, lost[0][0], lost[-1][0], lost[0][1][0])
    numbers = finite(read)
    if not numbers or evidence.classes < 2:
        return None
    start = numbers[0][1][0]
    limit = max(TIMES_THE_START * start, start + LEAST_RISE * math.log(evidence.classes))
    streak = last_streak(evidence, read, lambda _, loss: loss > limit)
    # One high epoch of a run under way may be a bump.
    if start <= 0 or len(streak) < (1 if evidence.ended else 2):
        return None
    (first, _), (last, (loss,)) = streak[0], streak[-1]
    return Finding(
        "diverged",
        "sick",
        first,
        last,
        {"start": start, "loss": loss, "limit": limit},
        f"The training loss is {shown(loss)} in epoch {last}, over twice its start of {shown(start)}, and has been since "
        f"epoch {first}.",
        ADVICE,
        divided_rate(evidence),
    )


def not_a_number(evidence: Evidence) -> Finding | None:
    """Say that losses or accuracies hold NaN or infinities."""
    found = [
        (epoch, name, value)
        for name in LEARNING
        for epoch, (value,) in rows(evidence, name)
        if not math.isfinite(value)
    ]
    if not found:
        return None
    found.sort(key=lambda one: one[0])
    epoch, name, value = found[0]
    return Finding(
        "not-a-number",
        "sick",
        epoch,
        found[-1][0],
        {"values": len(found), "metrics": sorted({metric for _, metric, _ in found}), "first": str(value)},
        f"{len(found)} {'value is' if len(found) == 1 else 'values are'} no number; the first is {METRICS[name].title.lower()} "
        f"in epoch {epoch}: {_spelled(value)}.",
        "Look at the largest outputs of the network; a lower learning rate or precision fp32 keep them finite.",
        divided_rate(evidence),
    )


def _without_numbers(evidence: Evidence, first: int, last: int, value: float) -> Finding:
    return Finding(
        "diverged",
        "sick",
        first,
        last,
        {"loss": str(value)},
        f"The training loss is {_spelled(value)} since epoch {first}: no number, and nothing is learned from it.",
        ADVICE,
        divided_rate(evidence),
    )


def _spelled(value: float) -> str:
    return "NaN" if math.isnan(value) else f"{'minus ' if value < 0 else ''}infinity"
