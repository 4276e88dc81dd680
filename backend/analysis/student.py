"""Student's t distribution, as every test and interval over seeds needs it."""

from backend.analysis.intervals import TWO_SIDED_95


def quantile(df: float, below: float = TWO_SIDED_95) -> float:
    """Return the t that a share of `below` of the distribution lies under: 4.303 with two degrees of freedom.

    Source: Student, "The probable error of a mean" (Biometrika 6, 1908), as scipy.special.stdtrit.
    """
    from scipy.special import stdtrit  # what scipy.stats.t calls, without its second and 60 MB

    return float(stdtrit(df, below))


def two_sided_p(t: float, df: float) -> float:
    """Return how often chance alone gives a t at least so far from 0.

    Source: as `quantile`. The lower tail is taken, as 1 minus the upper one has no digits left for a small p.
    """
    from scipy.special import stdtr  # as above

    return min(1.0, 2 * float(stdtr(df, -abs(t))))
