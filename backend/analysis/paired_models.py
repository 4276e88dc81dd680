"""Whether two trained models differ: the exact McNemar test on their answers for the same test images.

It says nothing of the recipes that the models came from: that takes several seeds (`between_recipes`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from backend.analysis.confusion import decoded
from backend.analysis.intervals import TWO_SIDED_95, Interval
from backend.analysis.numerals import counted

ALPHA = 0.05

FEWEST_DISAGREEMENTS = 6
"""With five images between two models, even five to none is no evidence: p = 2 / 2^5 = 0.0625; six give 0.03125."""


@dataclass(frozen=True)
class PairedModels:
    """The 2 x 2 table of two models on the same images; `only_first` are the places of those the first alone got right."""

    both_right: int
    only_first: tuple[int, ...]
    only_second: tuple[int, ...]
    both_wrong: int
    p: float
    interval: Interval
    """Of the difference of the accuracies. The exact test decides; at the border of 5% the interval may say otherwise."""

    @property
    def images(self) -> int:
        return self.both_right + self.disagreements + self.both_wrong

    @property
    def disagreements(self) -> int:
        """How many images one model got and the other missed. Two different wrong answers are none: neither gains."""
        return len(self.only_first) + len(self.only_second)

    @property
    def accuracies(self) -> tuple[float, float]:
        first = self.both_right + len(self.only_first)
        return first / self.images, (self.both_right + len(self.only_second)) / self.images

    @property
    def difference(self) -> float:
        """By how much the first is better."""
        return (len(self.only_first) - len(self.only_second)) / self.images

    @property
    def is_separated(self) -> bool:
        """Whether the exact test finds a difference at 5%."""
        return self.p < ALPHA

    def told(self, first: str, second: str) -> str:
        """Return in a sentence what the test says of these two trained models, by what they are called."""
        if not self.disagreements:
            return f"{_capital(first)} and {second} get the very same of the {counted(self.images, 'test image')} right."
        if not self.difference:
            how = (
                "got as many that the other missed"
                if self.disagreements > 2
                else "got one that the other missed"
            )
            return f"{_capital(first)} and {second} are right equally often, and each {how}."
        better, worse = (first, second) if self.difference > 0 else (second, first)
        more = max(len(self.only_first), len(self.only_second))
        told = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.3g}"
        split = (
            f"{_capital(better)} got {more:,} of the {self.disagreements:,} images on which one of the two is right and the "
            f"other wrong, {worse} got {self.disagreements - more:,}: {told}"
        )
        if self.is_separated:
            return f"{split}, so between these two trained models the difference is unlikely to be chance of the images."
        return f"{split}, so on these images the two trained models cannot be told apart."


def paired_models(labels: Sequence[int], first: Sequence[int], second: Sequence[int]) -> PairedModels:
    """Compare two models by the classes that they predicted for the images with these labels, in the same order.

    Raises:
        ValueError: there is no image, or the three are not of one length.
    """
    if not len(labels) == len(first) == len(second):
        raise ValueError(
            f"{len(labels)} labels, {len(first)} and {len(second)} predictions: models are paired on the same images."
        )
    if not labels:
        raise ValueError("No images: two models are paired on one at least.")
    only_first, only_second, both_right = [], [], 0
    for place, (label, one, other) in enumerate(zip(labels, first, second, strict=True)):
        if one == label and other == label:
            both_right += 1
        elif one == label:
            only_first.append(place)
        elif other == label:
            only_second.append(place)
    b, c = len(only_first), len(only_second)
    return PairedModels(
        both_right=both_right,
        only_first=tuple(only_first),
        only_second=tuple(only_second),
        both_wrong=len(labels) - both_right - b - c,
        p=mcnemar(b, c),
        interval=difference_interval(b, c, len(labels)),
    )


def paired_encoded(labels: bytes, first: bytes, second: bytes, classes: int) -> PairedModels:
    """Compare two models by predictions as they are stored.

    Raises:
        ValueError: as `paired_models` and `decoded`.
    """
    return paired_models(decoded(labels, classes), decoded(first, classes), decoded(second, classes))


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p: how often a fair coin splits the disagreements at least so unevenly.

    Models that never disagree have a p of 1.
    Source: McNemar, "Note on the sampling error of the difference between correlated proportions or percentages"
    (Psychometrika 12, 1947), with the binomial distribution in place of chi-squared.
    """
    if only_first + only_second == 0:
        return 1.0
    from scipy.stats import binomtest  # heavy: the service starts without it

    return float(binomtest(only_first, only_first + only_second, 0.5).pvalue)


def difference_interval(only_first: int, only_second: int, images: int) -> Interval:
    """Return the 95% interval of the difference of two accuracies on the same images.

    One disagreement is added to either side, which gives a width to models that never disagreed too.
    Source: Bonett & Price, "Adjusted Wald confidence interval for a difference of binomial proportions based on paired
    data" (Journal of Educational and Behavioral Statistics 37, 2012).
    """
    first, second = (only_first + 1) / (images + 2), (only_second + 1) / (images + 2)
    centre = first - second
    half = _normal(TWO_SIDED_95) * math.sqrt((first + second - centre**2) / (images + 2))
    return Interval(max(-1.0, centre - half), min(1.0, centre + half))


def smallest_difference(disagreements: int, images: int, power: float | None = None) -> float | None:
    """Return the smallest difference of two accuracies that these images can show at 5%, as a share.

    With `power`, a true difference of that size is found so often: 0.8 is usual. With 10,000 images and 1,000
    disagreements it is 0.0062, and 0.0089 for a power of 0.8. None where so few disagreements cannot show any.
    Source: normal approximation to the McNemar test near no difference, (z(0.975) + z(power)) sqrt(d / n); d is the share of
    images on which one model is right and the other wrong.
    """
    if images < 1 or not 0 <= disagreements <= images:
        raise ValueError(
            f"{disagreements} disagreements on {images} images: from none to all of one image or more."
        )
    z = _normal(TWO_SIDED_95) + (0.0 if power is None else _normal(power))
    found = z * math.sqrt(disagreements) / images
    possible = disagreements >= FEWEST_DISAGREEMENTS and found <= disagreements / images
    return found if possible else None


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _normal(below: float) -> float:
    from scipy.special import ndtri  # what scipy.stats.norm calls, without its second and 60 MB

    return float(ndtri(below))
