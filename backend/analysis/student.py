"""Student's t distribution, as every test and interval over seeds needs it."""

from backend.analysis.intervals import TWO_SIDED_95

NEAR_0 = 0.5
"""A t below which more than half of the distribution lies outside, whatever the degrees of freedom."""


def quantile(df: float, below: float = TWO_SIDED_95) -> float:
    """Return the t that a share of `below` of the distribution lies under: 4.303 with two degrees of freedom.

    Source: Student, "The probable error of a mean" (Biometrika 6, 1908), as scipy.special.stdtrit.
    """
    from scipy.special import stdtrit  # what scipy.stats.t calls, without its second and 60 MB

    return float(stdtrit(df, below))


def two_sided_p(t: float, df: float) -> float:
    """Return how often chance alone gives a t at least so far from 0.

    Source: as `quantile`; near 0 by the incomplete beta function of what lies within (Abramowitz and Stegun, 26.7.1). The
    tail is taken where it is the smaller part: 1 minus the other one has no digits left for a small p, and near 0 the tail
    has lost those of t.
    """
    from scipy.special import betainc, stdtr  # as above

    if abs(t) < NEAR_0:
        within = t * t / (df + t * t)
        return 1 - float(betainc(0.5, df / 2, within))
    return min(1.0, 2 * float(stdtr(df, -abs(t))))
