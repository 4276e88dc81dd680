"""Two trained models on the same images, class by class: who recognises which classes better, and takes which for which."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.analysis.confusion import Confusion


@dataclass(frozen=True)
class ClassDifference:
    """One class: how many test images it has, the share of them that each model recognises; None without any."""

    images: int
    accuracies: tuple[float | None, float | None]

    @property
    def difference(self) -> float | None:
        """By how much the first is better."""
        first, second = self.accuracies
        return None if first is None or second is None else first - second


def class_differences(first: Confusion, second: Confusion) -> list[ClassDifference]:
    """Compare two models by class, in the order of classes; both were tested on the same images."""
    accuracies = zip(first.accuracies(), second.accuracies(), strict=True)
    return [ClassDifference(sum(row), pair) for row, pair in zip(first.counts, accuracies, strict=True)]


def confusion_difference(first: Confusion, second: Confusion) -> list[list[int]]:
    """Return how many more images of a true class (row) the first took for a class (column); each row sums up to 0."""
    return [_minus(one, other) for one, other in zip(first.counts, second.counts, strict=True)]


def _minus(one: Sequence[int], other: Sequence[int]) -> list[int]:
    return [left - right for left, right in zip(one, other, strict=True)]
