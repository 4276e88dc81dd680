"""Which classes a network takes for which, from its predictions for a test set."""

import struct
from collections import Counter
from dataclasses import dataclass

WIDEST_BYTE = 256
"""Up to so many classes, each is stored in one byte; else in two, little-endian."""


@dataclass(frozen=True)
class Confusion:
    """`counts[t][p]` images of class t were taken for class p."""

    counts: list[list[int]]

    @property
    def total(self) -> int:
        return sum(map(sum, self.counts))

    def accuracies(self) -> list[float | None]:
        """Return the share of each class that was recognised; None for a class without images."""
        return [_share(row[true], sum(row)) for true, row in enumerate(self.counts)]

    def largest_share(self) -> tuple[int, float] | None:
        """Return the class that is predicted most often (the first of equals) and its share of all predictions.

        A network that has collapsed to one answer shows here as a share near 1.
        """
        columns = zip(*self.counts, strict=True)
        return largest_share(Counter({guess: sum(column) for guess, column in enumerate(columns)}))


def confusion(labels: bytes, predicted: bytes, classes: int) -> Confusion:
    """Count each pair of true and predicted class.

    Raises:
        ValueError: the two are not of one length, or name a class that is none of `classes`.
    """
    pairs = Counter(zip(decoded(labels, classes), decoded(predicted, classes), strict=True))
    highest = max((max(pair) for pair in pairs), default=-1)
    if highest >= classes:
        raise ValueError(f"Class {highest} is predicted or true; there are {classes}.")
    return Confusion([[pairs[true, guess] for guess in range(classes)] for true in range(classes)])


def largest_share(counts: Counter[int]) -> tuple[int, float] | None:
    """Return the class that is counted most often (the first of equals) and its share; None where nothing is."""
    total = counts.total()
    if not total:
        return None
    most = min(counts, key=lambda number: (-counts[number], number))
    return most, counts[most] / total


def decoded(encoded: bytes, classes: int) -> tuple[int, ...]:
    """Return class numbers that were stored as bytes, in the width that so many classes need.

    Raises:
        ValueError: there is half a number at the end.
    """
    if classes <= WIDEST_BYTE:
        return tuple(encoded)
    if len(encoded) % 2:
        raise ValueError(f"{len(encoded)} bytes hold half a class number: each has two.")
    return struct.unpack(f"<{len(encoded) // 2}H", encoded)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
