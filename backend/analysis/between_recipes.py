"""Whether two recipes differ: Welch's t-test over their seeds, and the paired difference where seeds match.

Welch decides, the paired test informs: runs of one seed share their order of images, at times their parent, and no more. What is
compared must be independent draws (`independence`). Several comparisons on one screen are corrected together (`holm`).
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from backend.analysis.holm import family_size, holm
from backend.analysis.intervals import FEWEST_SEEDS, Interval
from backend.analysis.student import quantile, two_sided_p

ALPHA = 0.05

Kind = Literal["tested", "too few", "no spread", "same"]
"""Tested; one run on a side; every run of each recipe alike, but not those of both; every run of both alike."""


@dataclass(frozen=True)
class TTest:
    """A difference (first minus second), its 95% interval, and how often chance gives one so large."""

    difference: float
    interval: Interval
    t: float
    df: float
    p: float


@dataclass(frozen=True)
class PairedDifference:
    """The difference at the seeds that both have. No test with one seed, or where it is the same at every seed."""

    seeds: tuple[int, ...]
    difference: float
    test: TTest | None


@dataclass(frozen=True)
class BetweenRecipes:
    kind: Kind
    n: tuple[int, int]
    means: tuple[float, float]
    have_spread: tuple[bool, bool] = (False, False)
    welch: TTest | None = None
    paired: PairedDifference | None = None

    @property
    def difference(self) -> float:
        return self.means[0] - self.means[1]

    @property
    def may_decide(self) -> bool:
        """Whether Welch's test has three seeds of each, and a spread of each: equal seeds say nothing of chance.

        With two seeds it is made too, and its interval is very wide.
        """
        return self.welch is not None and min(self.n) >= FEWEST_SEEDS and self.have_spread == (True, True)

    @property
    def told(self) -> str | None:
        """Return why there is no p; None where there is one."""
        if self.kind == "too few":
            return "No test: two seeds of each are the least, three are needed to judge."
        if self.kind == "same":
            return "Every run of both ends at the same value."
        if self.kind == "no spread":
            return "They differ in every run, and neither has a spread to judge the difference by."
        return None


def between_recipes(first: Mapping[int, float], second: Mapping[int, float]) -> BetweenRecipes:
    """Compare two recipes by one value a seed.

    Where one recipe alone has no spread, Welch's test takes it for a constant: its degrees of freedom are the other's.

    Raises:
        ValueError: a recipe has no run, or a value is no number.
    """
    values = list(first.values()), list(second.values())
    if not all(values):
        raise ValueError("A recipe without a run: each needs one at least.")
    for value in (*values[0], *values[1]):
        if not math.isfinite(value):
            raise ValueError(f"A value of {value}: recipes are compared by numbers.")
    n = len(first), len(second)
    means = statistics.mean(values[0]), statistics.mean(values[1])
    paired = _paired(first, second)
    if min(n) < 2:
        return BetweenRecipes("too few", n, means, paired=paired)
    spread = statistics.variance(values[0]) > 0, statistics.variance(values[1]) > 0
    if not any(spread):
        kind: Kind = "same" if means[0] == means[1] else "no spread"
        return BetweenRecipes(kind, n, means, paired=paired)
    return BetweenRecipes("tested", n, means, spread, welch(*values), paired)


def welch(first: Sequence[float], second: Sequence[float]) -> TTest:
    """Test whether two means differ, with a variance of each; two values of each at least, one of them with a spread.

    Source: Welch, "The generalization of 'Student's' problem when several different population variances are involved"
    (Biometrika 34, 1947); degrees of freedom after Satterthwaite (Biometrics Bulletin 2, 1946). Moments are taken by
    `statistics`, exactly: scipy.stats.ttest_ind gives the same, and warns or divides by 0 where values are nearly equal.
    """
    squares = [statistics.variance(values) / len(values) for values in (first, second)]
    df = _degrees(squares, (len(first), len(second)))
    return _test(statistics.mean(first) - statistics.mean(second), math.sqrt(sum(squares)), df)


@dataclass(frozen=True)
class Family:
    """Welch's p of each pair of recipes that can be judged, corrected for all `size` of them; keys are places, in order."""

    corrected: Mapping[tuple[int, int], float]
    size: int

    def p(self, one: int, other: int) -> float | None:
        return self.corrected.get((min(one, other), max(one, other)))


def family(recipes: Sequence[Sequence[float]]) -> Family:
    """Test every pair of recipes and correct by Holm; those with fewer than three seeds or no spread are in none.

    All pairs, also where only the best two are told: which two those are was seen in the same numbers.
    """
    moments = [
        (statistics.mean(values), statistics.variance(values), len(values))
        if len(values) >= FEWEST_SEEDS
        else (0.0, 0.0, 0)
        for values in recipes
    ]
    pairs = list(combinations([place for place, (_, variance, _) in enumerate(moments) if variance > 0], 2))
    values = [_p_of(moments[one], moments[other]) for one, other in pairs]
    corrected = {pair: p for pair, p in zip(pairs, holm(values), strict=True) if p is not None}
    return Family(corrected, family_size(values))


def _p_of(first: tuple[float, float, int], second: tuple[float, float, int]) -> float:
    squares = [variance / n for _, variance, n in (first, second)]
    df = _degrees(squares, (first[2], second[2]))
    return two_sided_p((first[0] - second[0]) / math.sqrt(sum(squares)), df)


def welch_degrees(variances: tuple[float, float], n: tuple[int, int]) -> float:
    """Return the degrees of freedom of Welch's test, from the variances over seeds."""
    return _degrees([variance / count for variance, count in zip(variances, n, strict=True)], n)


def _degrees(squares: Sequence[float], n: tuple[int, int]) -> float:
    # By shares: squares of tiny variances would underflow to 0 / 0.
    whole = sum(squares)
    return 1 / sum((square / whole) ** 2 / (count - 1) for square, count in zip(squares, n, strict=True))


def _paired(first: Mapping[int, float], second: Mapping[int, float]) -> PairedDifference | None:
    """Test the differences at common seeds against 0.

    Source: Student's test of one sample (Biometrika 6, 1908) on the differences; as scipy.stats.ttest_rel.
    """
    seeds = tuple(sorted(first.keys() & second.keys()))
    if not seeds:
        return None
    differences = [first[seed] - second[seed] for seed in seeds]
    mean = statistics.mean(differences)
    # Differences of decimals that agree are equal but for rounding: 0.3 - 0.2 is not 0.2 - 0.1.
    alike = all(math.isclose(one, mean, abs_tol=1e-12) for one in differences)
    if len(seeds) < 2 or alike:
        return PairedDifference(seeds, mean, None)
    error = statistics.stdev(differences) / math.sqrt(len(seeds))
    return PairedDifference(seeds, mean, _test(mean, error, len(seeds) - 1))


def _test(difference: float, error: float, df: float) -> TTest:
    half = quantile(df) * error
    t = difference / error
    return TTest(difference, Interval(difference - half, difference + half), t, df, two_sided_p(t, df))
