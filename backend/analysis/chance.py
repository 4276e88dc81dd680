"""Whether an accuracy is better than guessing, and whether a network answers one class only."""

import math
from collections import Counter
from dataclasses import dataclass

from backend.analysis.confusion import decoded, largest_share

ONE_SIDED_95 = 1.645
"""The normal quantile that one in twenty guessers exceeds. Source: tables of the standard normal distribution."""

COLLAPSED_SHARE = 0.95
"""Over this share of all predictions in one class, a network answers one class only."""

BLANK_TOLERANCE = 0.005
"""A loss this near to ln C, as a share of it, is that of a network that knows nothing."""


def chance_limit(share: float, images: int) -> float:
    """Return the accuracy that guessing exceeds one time in twenty, where it is right with probability `share`.

    That is 1/C for equally frequent classes, and the share of the most frequent one for others.
    Source: the normal approximation to the binomial distribution, p + 1.645 sqrt(p (1 - p) / n).
    """
    return share + ONE_SIDED_95 * math.sqrt(share * (1 - share) / images)


def at_chance(accuracy: float, share: float, images: int) -> bool:
    """Say whether guessing would do as well."""
    return accuracy <= chance_limit(share, images)


def is_blank(loss: float, classes: int) -> bool:
    """Say whether a loss is ln C, that of guessing, with softmax applied once or twice."""
    return abs(loss - math.log(classes)) <= BLANK_TOLERANCE * math.log(classes)


@dataclass(frozen=True)
class MostPredicted:
    """The class that is predicted most often, and its share of all predictions."""

    name: str
    share: float

    @property
    def is_nearly_all(self) -> bool:
        return self.share > COLLAPSED_SHARE


def most_predicted(predictions: bytes, names: list[str]) -> MostPredicted | None:
    """Return the class that encoded predictions hold most often, the first of equals; None where there are none."""
    found = largest_share(Counter(decoded(predictions, len(names))))
    return None if found is None else MostPredicted(names[found[0]], found[1])
