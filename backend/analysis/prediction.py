"""A published number beside a measured recipe.

What was published is one run, so it is held against where one further run of ours would lie, not against the interval of the
mean: that one would call a faithful replication different 16% of the time with 3 seeds, and 51% with 10.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from backend.analysis.intervals import FEWEST_SEEDS, Interval
from backend.analysis.numerals import counted, listed, signed
from backend.analysis.student import quantile

PRINTED = 0.0005
"""Tolerance unless another is chosen: half of the last of three decimals, which is all that a print tells."""

Better = Literal["higher", "lower"]
Outcome = Literal[
    "not run yet", "protocol differs", "not enough seeds", "not a number", "reproduced", "below", "better"
]


@dataclass(frozen=True)
class Judgement:
    """`delta` is the measured mean minus what was published, in the unit of both; None where there is no mean.

    `interval` is that of one further run, without the tolerance. "not a number" is of seeds that ended in NaN or infinity.
    """

    outcome: Outcome
    n: int
    better: Better
    tolerance: float
    mean: float | None = None
    delta: float | None = None
    interval: Interval | None = None
    differing: tuple[str, ...] = ()

    @property
    def has_no_spread(self) -> bool:
        """Whether all seeds ended alike: then the tolerance alone decides."""
        return self.interval is not None and self.interval.low == self.interval.high

    @property
    def text(self) -> str:
        if self.outcome == "not run yet":
            return "Not run yet."
        if self.outcome == "protocol differs":
            return f"The protocol differs: {listed(list(self.differing))}."
        if self.outcome == "not enough seeds":
            return f"Not enough seeds: {self.n} of {FEWEST_SEEDS}."
        if self.outcome == "not a number":
            return "A seed ended in a value that is no number."
        return self._numbers()

    def _numbers(self) -> str:
        assert self.interval is not None and self.delta is not None
        # Shares in percent and points, losses in nats.
        scale, decimals, unit, of_a_difference = (
            (100, 1, "%", " points") if self.better == "higher" else (1, 3, "", " nats")
        )
        low, high = (f"{scale * edge:.{decimals}f}{unit}" for edge in (self.interval.low, self.interval.high))
        seeds = counted(self.n, "seed")
        where = (
            f"all {seeds} end at {low}"
            if self.has_no_spread
            else f"one more run would lie between {low} and {high} (95%, by {seeds})"
        )
        return (
            f"{self.outcome.capitalize()}: {signed(scale * self.delta, decimals)}{of_a_difference}; {where}; "
            f"tolerance {scale * self.tolerance:g}{of_a_difference}."
        )


def prediction_interval(values: Sequence[float]) -> Interval:
    """Return where one further run lies 95% of the time, after independent runs with these values.

    Source: mean ± t(n - 1) s sqrt(1 + 1/n); Hahn & Meeker, "Statistical Intervals" (Wiley, 1991), section 4.7.

    Raises:
        ValueError: there are fewer than three values.
    """
    if len(values) < FEWEST_SEEDS:
        raise ValueError(f"No interval for {len(values)} values; three are needed.")
    # All by `statistics.mean`, which is exact: equal values have an interval without a width.
    mean = statistics.mean(values)
    half = quantile(len(values) - 1) * statistics.stdev(values) * math.sqrt(1 + 1 / len(values))
    return Interval(mean - half, mean + half)


def judge(
    published: float,
    values: Sequence[float],
    *,
    differing: Sequence[str] = (),
    tolerance: float = PRINTED,
    better: Better = "higher",
) -> Judgement:
    """Judge one published number by the values of independent runs: shares, where higher is better, or losses in nats.

    `differing` are the fields in which the runs were not made as the published one; `tolerance` widens the interval on
    either side, and is in the unit of the values. "below" is worse than what was published, so for a loss a higher one.

    Raises:
        ValueError: the published value is no number, or the tolerance is negative.
    """
    if not math.isfinite(published):
        raise ValueError(f"A published value of {published}: it must be a number.")
    if not 0 <= tolerance < math.inf:
        raise ValueError(f"A tolerance of {tolerance}: it must be 0 or more.")
    if not values:
        return Judgement("not run yet", 0, better, tolerance)
    n, numbers = len(values), all(map(math.isfinite, values))
    mean = statistics.mean(values) if numbers else None
    delta = None if mean is None else mean - published
    interval = prediction_interval(values) if numbers and n >= FEWEST_SEEDS else None
    outcome: Outcome
    if differing:
        outcome = "protocol differs"
    elif n < FEWEST_SEEDS:
        outcome = "not enough seeds"
    elif interval is None:
        outcome = "not a number"
    else:
        outcome = _side(published, interval, tolerance, better)
    return Judgement(outcome, n, better, tolerance, mean, delta, interval, tuple(differing))


def _side(published: float, interval: Interval, tolerance: float, better: Better) -> Outcome:
    # A billionth: 0.897 + 0.001 and 0.898 differ in their last bit.
    slack = tolerance + 1e-9
    if interval.low - slack <= published <= interval.high + slack:
        return "reproduced"
    measured_higher = published < interval.low
    return "better" if measured_higher == (better == "higher") else "below"
