"""The statistics once more, from their definitions and without scipy: what the service's are held against."""

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from statistics import NormalDist

SMALLEST = 1e-300


def mcnemar(only_first: int, only_second: int) -> Fraction:
    """Sum the binomial probabilities of all splits that are no likelier than the one seen."""
    whole = only_first + only_second
    seen = math.comb(whole, only_first)
    counts = (math.comb(whole, heads) for heads in range(whole + 1))
    return Fraction(sum(count for count in counts if count <= seen), 2**whole)


def incomplete_beta(x: float, rest: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function by its continued fraction, evaluated from the front (Lentz).

    `rest` is 1 - x, which has its own digits where x is near 1.
    """
    if 0.0 in (x, rest):
        return 0.0 if x == 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(rest, x, b, a)
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        before = value
        for term in (even, odd):
            d = 1 / (1 + term * d or SMALLEST)
            c = 1 + term / c or SMALLEST
            value *= c * d
        if abs(value - before) < 1e-16 * value:
            break
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    return math.exp(front) * value / a


def two_sided_p(t: float, df: float) -> float:
    return incomplete_beta(df / (df + t * t), t * t / (df + t * t), df / 2, 0.5)


def student_quantile(df: float) -> float:
    """Return the t that 2.5% of the distribution lies above."""
    return bisected(lambda t: two_sided_p(t, df) - 0.05, 0.0, 1e4)


def bisected(falling: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2


def moments(values: Sequence[float]) -> tuple[Fraction, Fraction]:
    """Return mean and variance, exactly."""
    exact = [Fraction(value) for value in values]
    mean = sum(exact, Fraction(0)) / len(exact)
    return mean, sum(((one - mean) ** 2 for one in exact), Fraction(0)) / (len(exact) - 1)


def welch(first: Sequence[float], second: Sequence[float]) -> tuple[float, float, float]:
    """Return t, degrees of freedom and p."""
    (mean, variance), (other, other_variance) = moments(first), moments(second)
    a, b = variance / len(first), other_variance / len(second)
    df = float((a + b) ** 2 / (a**2 / (len(first) - 1) + b**2 / (len(second) - 1)))
    t = float(mean - other) / math.sqrt(a + b)
    return t, df, two_sided_p(t, df)


def paired(differences: Sequence[float]) -> tuple[float, float]:
    """Return t and p of differences against 0."""
    mean, variance = moments(differences)
    t = float(mean) / math.sqrt(variance / len(differences))
    return t, two_sided_p(t, len(differences) - 1)


def power(away: float, df: float) -> float:
    """Return the power at 5% of a t-test whose t is off by `away`, by the trapezoid rule over the spread that is estimated.

    T = (Z + away) / (S / sqrt(df)), S of the chi distribution: given S, only the normal Z is left. Over log S the integrand is
    smooth and dies out on both sides, where the rule is exact to rounding.
    """
    critical, normal = student_quantile(df), NormalDist()
    width = 0.005
    total = 0.0
    for step in range(round(-45 / width), round(math.log(math.sqrt(df) + 12) / width) + 1):
        s = math.exp(step * width)
        log_density = (
            df * math.log(s) - s * s / 2 - (df / 2 - 1) * math.log(2) - math.lgamma(df / 2)
        )  # times ds = s du
        edge = critical * s / math.sqrt(df)
        outside = normal.cdf(away - edge) + normal.cdf(-away - edge)
        total += math.exp(log_density) * outside * width
    return total


def holm(values: Sequence[float]) -> list[float]:
    """Return corrected values as closed testing has them: no hypothesis is refused while one of its intersections is kept.

    Holm's is Bonferroni's test of every intersection, so here is each of them.
    """
    places = range(len(values))
    families = [
        family for size in range(1, len(values) + 1) for family in itertools.combinations(places, size)
    ]
    tests = {family: min(1.0, len(family) * min(values[one] for one in family)) for family in families}
    return [max(p for family, p in tests.items() if place in family) for place in places]


def most_independent(pairs: Sequence[tuple[int, int | None]]) -> int:
    """Return the size of the largest selection in which no seed and no parent stands twice, by trying all."""

    def apart(chosen: Sequence[tuple[int, int | None]]) -> bool:
        seeds = [seed for seed, _ in chosen]
        parents = [parent for _, parent in chosen if parent is not None]
        return len(set(seeds)) == len(seeds) and len(set(parents)) == len(parents)

    sizes = range(len(pairs), 0, -1)
    return next((size for size in sizes if any(map(apart, itertools.combinations(pairs, size)))), 0)
