"""The correction of several tests that are read together: the more of them, the more often one is small by chance."""

import itertools
from collections.abc import Sequence


def holm(values: Sequence[float | None]) -> list[float | None]:
    """Return the corrected p of each test, in the given order; None, for a pair that was not tested, stays None.

    The family is what is tested: `family_size` says how many that are. Compared with 5%, corrected values keep the chance of
    any false finding among all of them under 5%.
    Source: Holm, "A simple sequentially rejective multiple test procedure" (Scandinavian Journal of Statistics 6, 1979).

    Raises:
        ValueError: a p is none.
    """
    for p in values:
        if p is not None and not 0 <= p <= 1:
            raise ValueError(f"A p of {p}: it lies between 0 and 1.")
    tested = sorted((p, place) for place, p in enumerate(values) if p is not None)
    steps = (min(1.0, (len(tested) - rank) * p) for rank, (p, _) in enumerate(tested))
    # A test is never called surer than one with a smaller p.
    corrected: list[float | None] = [None] * len(values)
    for (_, place), p in zip(tested, itertools.accumulate(steps, max), strict=True):
        corrected[place] = p
    return corrected


def family_size(values: Sequence[float | None]) -> int:
    """Return how many tests are corrected together."""
    return sum(p is not None for p in values)
