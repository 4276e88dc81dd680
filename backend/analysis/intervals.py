"""Intervals around an accuracy: how far it may lie from the truth, by the test images of one run or the seeds of many.

Two questions that must not be mixed: `wilson` asks how well this trained model does on all images like those it was
tested on; `student_t` asks where the mean over all seeds of a recipe lies.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

TWO_SIDED_95 = 0.975
"""The quantile that leaves one twentieth outside, half of it on either side."""

FEWEST_SEEDS = 3
"""With two seeds t is 12.7 and the interval 8.98 standard deviations to either side: both values say more."""


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`, in the unit of what it was made from."""

    low: float
    high: float

    def overlaps(self, other: "Interval") -> bool:
        return self.low <= other.high and other.low <= self.high


def wilson(share: float, images: int) -> Interval:
    """Return the 95% interval of a share of right answers among `images` independent ones, within [0, 1].

    Unlike p ± 1.96 sqrt(p (1 - p) / n) it has a width at 0 and at 1 too.
    Source: Wilson, "Probable inference, the law of succession, and statistical inference" (JASA 22, 1927).

    Raises:
        ValueError: the share is outside [0, 1], or there is no image.
    """
    if not 0 <= share <= 1 or images < 1:
        raise ValueError(f"No interval for a share of {share} among {images} images.")
    from scipy.special import ndtri  # heavy: the service starts without it

    z2 = float(ndtri(TWO_SIDED_95)) ** 2
    centre = share + z2 / (2 * images)
    half = math.sqrt(z2 * (share * (1 - share) / images + z2 / (4 * images**2)))
    # Within [0, 1] by the formula; rounding alone can leave it.
    return Interval(
        max(0.0, (centre - half) / (1 + z2 / images)), min(1.0, (centre + half) / (1 + z2 / images))
    )


def student_t(values: Sequence[float]) -> Interval:
    """Return the 95% interval of the mean that independent `values` are drawn around; not cut at 0 or 1.

    Equal values give an interval without a width: a case to be told, not a certainty.
    Source: Student, "The probable error of a mean" (Biometrika 6, 1908): mean ± t(n - 1) s / sqrt(n).

    Raises:
        ValueError: there are fewer than three values.
    """
    if len(values) < FEWEST_SEEDS:
        raise ValueError(f"No interval for {len(values)} values; three are needed.")
    from scipy.special import stdtrit  # scipy.stats has the same and costs a second and 60 MB

    t = float(stdtrit(len(values) - 1, TWO_SIDED_95))
    mean, half = statistics.fmean(values), t * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean - half, mean + half)
