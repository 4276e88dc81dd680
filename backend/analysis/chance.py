"""Whether an accuracy is better than guessing, and whether a network answers one class only."""

import math
from dataclasses import dataclass

from backend.analysis.confusion import decoded

ONE_SIDED_95 = 1.645
"""The normal quantile that one in twenty guessers exceeds. Source: tables of the standard normal distribution."""

COLLAPSED_SHARE = 0.95
"""Over this share of all predictions in one class, a network is called collapsed."""


def chance_limit(classes: int, images: int) -> float:
    """Return the accuracy that guessing among equally frequent classes exceeds one time in twenty.

    Source: the normal approximation to the binomial distribution, p + 1.645 sqrt(p (1 - p) / n) with p = 1/C.
    """
    share = 1 / classes
    return share + ONE_SIDED_95 * math.sqrt(share * (1 - share) / images)


def at_chance(accuracy: float, classes: int, images: int) -> bool:
    """Say whether guessing would do as well."""
    return accuracy <= chance_limit(classes, images)


@dataclass(frozen=True)
class MostPredicted:
    """The class that is predicted most often, and its share of all predictions."""

    name: str
    share: float

    @property
    def collapsed(self) -> bool:
        return self.share > COLLAPSED_SHARE


def most_predicted(predictions: bytes, names: list[str]) -> MostPredicted | None:
    """Return the class that encoded predictions hold most often, the first of equals; None where there are none."""
    numbers = decoded(predictions, len(names))
    if not numbers:
        return None
    most = max(range(len(names)), key=numbers.count)
    return MostPredicted(names[most], numbers.count(most) / len(numbers))
