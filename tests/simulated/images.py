"""Made-up data for made-up runs: points around one centre for each class, instead of images."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Part:
    """`points` are rows of float32, N x D, `labels` their N classes."""

    points: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Data:
    classes: int
    train: Part
    test: Part
    validation: Part | None = None

    @property
    def largest_class(self) -> float:
        """Return the share of the test points that belong to the most frequent class."""
        return float(np.bincount(self.test.labels).max() / len(self.test.labels))


def clouds(
    chance: np.random.Generator,
    classes: int,
    *,
    apart: float = 3.0,
    dimensions: int = 16,
    train: int = 600,
    test: int = 400,
    validation: int = 0,
    shares: tuple[float, ...] | None = None,
    wrong_labels: float = 0.0,
) -> Data:
    """Draw centres at about `apart` from 0 and points around them with a spread of 1 in every direction.

    `shares` are how frequent the classes are. `wrong_labels` of all labels, in every part, are drawn anew by chance.
    """
    directions_CD = chance.normal(size=(classes, dimensions))
    centres_CD = apart * directions_CD / np.linalg.norm(directions_CD, axis=1, keepdims=True)

    def part(count: int) -> Part:
        if shares is None:
            labels_N = np.arange(count) % classes
        else:
            labels_N = chance.choice(classes, size=count, p=shares)
        points_ND = (centres_CD[labels_N] + chance.normal(size=(count, dimensions))).astype(np.float32)
        wrong_N = chance.random(count) < wrong_labels
        return Part(points_ND, np.where(wrong_N, chance.integers(0, classes, count), labels_N))

    return Data(classes, part(train), part(test), part(validation) if validation else None)
