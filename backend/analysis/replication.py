"""One cell of a published table beside the runs that repeat it: their mean with its half-width, n, the difference, a verdict.

A published number is one run: it is judged by where one further run would lie (`prediction`), while the half-width that is
shown is that of the mean. The two answer different questions, and only the first one is asked of a reference.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from backend.analysis.intervals import FEWEST_SEEDS, Interval, student_t, wilson
from backend.analysis.prediction import PRINTED, Better, Judgement, judge

DEFAULT_TOLERANCE_POINTS = 100 * PRINTED
"""Half of the last of three printed decimals: 0.05 points of an accuracy, 0.0005 nats of a loss."""

MOST_TOLERANCE_POINTS = 100.0

Kind = Literal["none", "not a number", "one", "wilson", "two", "t"]
"""What is known of a place: nothing; a value that is none; one run, with or without an interval by its test images; two
runs, of which both are shown; the interval of the mean over seeds."""


@dataclass(frozen=True)
class Measured:
    """What the runs that count have at one place. `mean` is None where there is none, or where one is no number."""

    kind: Kind
    values: tuple[float, ...]
    mean: float | None = None
    interval: Interval | None = None

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def half_width(self) -> float | None:
        """Half of the 95% interval of the mean over seeds; None where there are too few for one."""
        if self.kind != "t" or self.interval is None:
            return None
        return (self.interval.high - self.interval.low) / 2


@dataclass(frozen=True)
class Cell:
    """`judgement` is None where nothing was published, or it cannot be read: such a cell stays empty."""

    measured: Measured
    published: float | None
    judgement: Judgement | None

    @property
    def delta(self) -> float | None:
        """The measured mean less what was published, in the unit of both."""
        return self.judgement.delta if self.judgement else None


def better_of(metric: str) -> Better:
    """Return which way is the better one: accuracies are shares, all else is a loss."""
    return "higher" if metric.endswith("acc") else "lower"


def measured(values: Sequence[float], images: int | None = None) -> Measured:
    """Sum up one value of each run; `images` are those that the share of a single one is of.

    A run that ended in NaN or infinity counts, and leaves no mean: without it the others would look better than they are.
    """
    found = tuple(values)
    if not found:
        return Measured("none", found)
    if not all(map(math.isfinite, found)):
        return Measured("not a number", found)
    mean = statistics.mean(found)
    if len(found) >= FEWEST_SEEDS:
        return Measured("t", found, mean, student_t(found))
    if len(found) == 2:
        return Measured("two", found, mean)
    if images and 0 <= mean <= 1:
        return Measured("wilson", found, mean, wilson(mean, images))
    return Measured("one", found, mean)


def replicated(
    published: float | None,
    found: Measured,
    *,
    metric: str,
    differing: Sequence[str] = (),
    tolerance_points: float = DEFAULT_TOLERANCE_POINTS,
) -> Cell:
    """Judge one published number, or gap, by what was measured at its place.

    `differing` are the fields in which the runs were not made as the published one. `tolerance_points` are hundredths: of
    a share in points, of a loss in hundredths of a nat.

    Raises:
        ValueError: as `prediction.judge`.
    """
    if published is None:
        return Cell(found, None, None)
    judgement = judge(
        published,
        found.values,
        differing=differing,
        tolerance=tolerance_points / 100,
        better=better_of(metric),
    )
    return Cell(found, published, judgement)
