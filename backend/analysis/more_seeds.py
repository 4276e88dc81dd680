"""How many further seeds of each recipe would settle whether two of them differ, on today's estimate."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from backend.analysis.between_recipes import ALPHA, welch_degrees
from backend.analysis.intervals import FEWEST_SEEDS
from backend.analysis.numerals import counted
from backend.analysis.student import quantile

POWER = 0.8
MOST_SEEDS = 30
"""Of further seeds for each recipe: beyond it the answer is rather that the difference is small."""

CAUTION = (
    "Decide on the number first: testing again after each addition, until p is small, finds differences that are not there "
    "more often than one time in twenty."
)

Kind = Literal["enough", "more", "too many", "unknown"]


@dataclass(frozen=True)
class MoreSeeds:
    """`further` seeds for each recipe give a power of `power`: the chance that p < 5% if today's estimate is the truth.

    `further` is None where no number up to `most` does ("too many", and `power` is that of `most`), or where there is no
    estimate to go by ("unknown").
    """

    kind: Kind
    further: int | None
    power: float | None
    most: int

    @property
    def text(self) -> str:
        if self.kind == "unknown":
            return "How many more seeds would settle it is not known: that takes two seeds of each, and a spread."
        if self.kind == "too many":
            return (
                f"If today's difference is the true one, even {counted(self.most, 'more seed')} of each would show it in "
                f"{self._chance} of cases only."
            )
        if self.kind == "enough":
            return f"If today's difference is the true one, so many seeds show it in {self._chance} of cases."
        return (
            f"If today's difference and spread are the true ones, {counted(self.further or 0, 'more seed')} of each show it "
            f"in {self._chance} of cases. {CAUTION}"
        )

    @property
    def _chance(self) -> str:
        return f"{100 * (self.power or 0):.0f}%"


def more_seeds(
    first: Sequence[float], second: Sequence[float], most: int = MOST_SEEDS, family: int = 1
) -> MoreSeeds:
    """Return the smallest number of further seeds for each of two recipes that reaches a power of 80% at 5%.

    `family` is how many pairs are tested together: the smallest p of them is held against 5% of its share by Holm, and so
    is this one here, as nobody knows yet how small it will be among them. Below three seeds of each nothing is enough.
    Today's means and variances are taken for the true ones; with a few seeds they are rough, and so is the answer.
    """
    if min(len(first), len(second)) < 2:
        return MoreSeeds("unknown", None, None, most)
    difference = statistics.mean(first) - statistics.mean(second)
    variances = statistics.variance(first), statistics.variance(second)
    if sum(variances) == 0:
        return MoreSeeds("unknown", None, None, most)
    power, fewest = 0.0, max(0, FEWEST_SEEDS - min(len(first), len(second)))
    for further in range(fewest, most + 1):
        n = len(first) + further, len(second) + further
        power = welch_power(difference, variances, n, ALPHA / max(1, family))
        if power >= POWER:
            return MoreSeeds("more" if further else "enough", further, power, most)
    return MoreSeeds("too many", None, power, most)


def welch_power(
    difference: float, variances: tuple[float, float], n: tuple[int, int], alpha: float = ALPHA
) -> float:
    """Return how often Welch's test with `n` seeds finds a true difference at `alpha`, whichever way.

    Source: the noncentral t distribution (Johnson & Welch, Biometrika 31, 1940) with Welch's degrees of freedom; scipy.stats.nct.
    """
    from scipy.stats import nct  # heavy: the service starts without it

    error = math.sqrt(sum(variance / count for variance, count in zip(variances, n, strict=True)))
    df, away = welch_degrees(variances, n), abs(difference) / error
    critical = quantile(df, 1 - alpha / 2)
    # The lower tail is taken as the upper one of the mirrored distribution: nct.cdf of it is NaN now and then.
    return float(nct.sf(critical, df, away) + nct.sf(critical, df, -away))
