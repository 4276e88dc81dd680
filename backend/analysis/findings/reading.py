"""How rules read series that have gaps: epochs that can be read, streaks of them, and what was planned.

NaN is a value here: no comparison holds for it, so that a streak ends at one. A gap neither goes on with a streak nor
ends it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from backend.analysis.findings.evidence import Evidence

LEARNING = ("train_loss", "train_acc", "val_loss", "val_acc", "test_loss", "test_acc")
"""Metrics that tell what a network has learned, and that a repeated run repeats."""

Row = tuple[int, tuple[float, ...]]
"""An epoch, and the values of some metrics in it."""

STALE = 2
"""So many epochs at the end may be gaps before a streak no longer says how a run ended."""


def rows(evidence: Evidence, *metrics: str) -> list[Row]:
    """Return the epochs in which none of these metrics is a gap."""
    columns = [evidence.series.get(metric, ()) for metric in metrics]
    found: list[Row] = []
    for epoch, values in enumerate(zip(*columns, strict=False), start=1):
        known = tuple(value for value in values if value is not None)
        if len(known) == len(metrics):
            found.append((epoch, known))
    return found


def value_at(evidence: Evidence, metric: str, epoch: int) -> float | None:
    """Return one value; None for a gap and for what was never recorded."""
    values = evidence.series.get(metric, ())
    return values[epoch - 1] if 0 < epoch <= len(values) else None


def last_streak(evidence: Evidence, read: Sequence[Row], holds: Callable[..., bool]) -> list[Row]:
    """Return the rows, up to the last, in which something holds without a break; none where the end is long past."""
    found: list[Row] = []
    for epoch, values in reversed(read):
        if not holds(epoch, *values):
            break
        found.append((epoch, values))
    found.reverse()
    return found if found and found[-1][0] >= evidence.epochs_done - STALE else []


def first_streak(read: Sequence[Row], holds: Callable[..., bool]) -> list[Row]:
    """Return the rows, from the first on, in which something holds without a break."""
    found: list[Row] = []
    for epoch, values in read:
        if not holds(epoch, *values):
            break
        found.append((epoch, values))
    return found


def finite(read: Sequence[Row]) -> list[Row]:
    """Return the rows that hold numbers alone."""
    return [row for row in read if all(map(math.isfinite, row[1]))]


def falls_steadily(losses: Sequence[float]) -> bool:
    """Say whether each value is lower than the one before."""
    return all(after < before for before, after in pairwise(losses))


def planned(evidence: Evidence, path: str) -> Any:
    """Return a field of the spec by its dotted path; None where it is empty or not there."""
    value: Any = evidence.spec
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def planned_number(evidence: Evidence, path: str) -> float | None:
    """Return a field of the spec that is a finite number; None where it is none."""
    value = planned(evidence, path)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def is_warming_up(evidence: Evidence) -> bool:
    """Say whether a run is under way and its learning rate still rises from zero, so that it need not have learned."""
    warmup = planned_number(evidence, "schedule.warmup_epochs") or 0
    return not evidence.ended and evidence.epochs_done <= warmup


def shown(value: float) -> str:
    """Return a loss or an accuracy as sentences have it."""
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.3g}"
