"""How a run ends: over-fitted, or still getting better."""

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

from backend.analysis.findings.changes import more_epochs, stop_in_time
from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.finding import Finding
from backend.analysis.findings.reading import Row, finite, last_streak, planned, rows, shown
from backend.analysis.numerals import percent

WIDEST_GAP = 0.10
"""Training accuracy less test accuracy, as a fraction, that is over-fitting where test loss rises."""

RISE = 0.02
"""Share of its lowest mean by which the test loss must have risen: less is no matter, even where it is no noise."""

NOISE = 2.5
"""Standard deviations of one epoch by which it must have risen: the lowest of noisy means is low by luck."""

LEAST_SLOPE = 0.001
"""Accuracy for each epoch, 0.1 points, below which more epochs hardly pay."""

STUDENT_95 = {3: 6.314, 4: 2.920, 5: 2.353}
"""By epochs read: the one-sided 95% quantile of Student's t with two degrees of freedom fewer. Source: tables of it."""

ENDING_IN_THE_SCHEDULE = ("cosine", "onecycle")
"""Schedules that end at a learning rate of nearly zero: their last gains come of that, and would not go on."""


def over_fitting(evidence: Evidence) -> Finding | None:
    """Say that test loss rises while training accuracy leaves test accuracy behind."""
    read = finite(rows(evidence, "test_loss", "train_acc", "test_acc"))
    window = 3 if len(read) >= 8 else 2
    if len(read) < 2 * window:
        return None
    losses = [values[0] for _, values in read]
    means = [_mean(losses[at : at + window]) for at in range(len(losses) - window + 1)]
    before = means[:-window]  # none shares an epoch with the last
    lowest, now = min(before, default=math.inf), means[-1]
    if not lowest > 0 or now - lowest <= max(RISE * lowest, NOISE * _noise(losses)):
        return None
    streak = last_streak(
        evidence,
        read,
        lambda _, loss, train, test: train - test > WIDEST_GAP and loss > lowest,
    )
    if len(streak) < 2:
        return None
    (first, _), (last, (loss, train, test)) = streak[0], streak[-1]
    return Finding(
        "over-fitting",
        "sick",
        first,
        last,
        {
            "train_acc": train,
            "test_acc": test,
            "gap": train - test,
            "lowest_test_loss": lowest,
            "test_loss": loss,
        },
        f"Training accuracy is {percent(train)}, test accuracy {percent(test)}: {100 * (train - test):.1f} points apart in epoch "
        f"{last}, while test loss has risen from {shown(lowest)} to {shown(now)} (means of {window} epochs).",
        "End where validation gets no better, or hold back by augmentation or weight decay.",
        stop_in_time(evidence),
    )


def still_improving(evidence: Evidence) -> Finding | None:
    """Say that a run that did all its epochs was getting better when it ended, and by how much."""
    if not evidence.ended or evidence.epochs_done < evidence.epochs_planned:
        return None
    if planned(evidence, "schedule.name") in ENDING_IN_THE_SCHEDULE:
        return None
    read = rows(evidence, "test_acc")[-5:]
    if len(read) < 3 or finite(read) != read or read[-1][0] < evidence.epochs_done:
        return None
    slope, error = _slope(read)
    if not slope > max(LEAST_SLOPE, STUDENT_95[len(read)] * error):
        return None
    (first, (begun,)), (last, (ended,)) = read[0], read[-1]
    return Finding(
        "still-improving",
        "note",
        first,
        last,
        {"per_epoch": slope, "error": error, "from": begun, "to": ended},
        f"Test accuracy still rises at the end, by {100 * slope:.1f} points an epoch: from {percent(begun)} in epoch {first} to "
        f"{percent(ended)} in epoch {last}.",
        "More epochs would pay: try twice as many.",
        more_epochs(evidence),
    )


def _mean(values: Sequence[float]) -> float:
    """Unlike that of `statistics`, infinite where a sum overflows: a loss may be any number."""
    return sum(values) / len(values)


def _noise(values: Sequence[float]) -> float:
    """Return the standard deviation of one value about a smooth curve, by the median second difference.

    Source: the second difference of independent values has a variance of 6 times theirs; a normal deviate exceeds 0.6745
    standard deviations half of the time.
    """
    steps = [after - before for before, after in pairwise(values)]
    bends = [abs(after - before) for before, after in pairwise(steps)]
    return statistics.median(bends) / (0.6745 * math.sqrt(6))


def _slope(read: Sequence[Row]) -> tuple[float, float]:
    """Return the slope of the least-squares line through one value an epoch, and its standard error."""
    epochs = [float(epoch) for epoch, _ in read]
    values = [row[0] for _, row in read]
    middle, mean = _mean(epochs), _mean(values)
    spread = sum((epoch - middle) * (epoch - middle) for epoch in epochs)
    slope = (
        sum((epoch - middle) * (value - mean) for epoch, value in zip(epochs, values, strict=True)) / spread
    )
    left = [value - mean - slope * (epoch - middle) for epoch, value in zip(epochs, values, strict=True)]
    return slope, math.sqrt(sum(one * one for one in left) / (len(read) - 2) / spread)
