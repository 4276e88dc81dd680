"""How good a recipe is, from its runs: which of them count, and what may be said of their test accuracy."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from backend.analysis.independence import Draw, independent
from backend.analysis.intervals import FEWEST_SEEDS, Interval, student_t, wilson

Kind = Literal["none", "wilson", "two", "t"]
"""What stands beside the mean: nothing; the interval of one model by its test images; both values; that over seeds."""


@dataclass(frozen=True)
class Outcome:
    """What a completed run came to. `test_set` and `images` are None where its predictions are not stored.

    `parent` is the run whose weights it started from, None for a start of its own.
    """

    run: int
    seed: int
    accuracy: float
    test_set: str | None = None
    images: int | None = None
    parent: int | None = None


@dataclass(frozen=True)
class Accuracy:
    """The test accuracy of a recipe. `values` are in the order of seeds, `n` counts them: they are independent.

    `left_out` are runs with a seed of their own that are known to have been tested on other images than the newest one;
    `same_parent` those of further seeds that start from a run from which one that counts starts too.
    """

    kind: Kind
    counted: tuple[Outcome, ...] = ()
    interval: Interval | None = None
    left_out: tuple[int, ...] = ()
    same_parent: tuple[int, ...] = ()

    @property
    def n(self) -> int:
        return len(self.counted)

    @property
    def values(self) -> list[float]:
        return [outcome.accuracy for outcome in self.counted]

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.values) if self.counted else None

    @property
    def half_width(self) -> float | None:
        """Of the interval of the mean over seeds; that of one model is not symmetric and has none."""
        return (self.interval.high - self.interval.low) / 2 if self.kind == "t" and self.interval else None

    @property
    def test_set(self) -> str | None:
        """The very images; None where no run that counts has stored what it was tested on."""
        return next((outcome.test_set for outcome in self.counted if outcome.test_set), None)

    @property
    def images(self) -> int | None:
        return next((outcome.images for outcome in self.counted if outcome.images), None)

    @property
    def has_no_spread(self) -> bool:
        """Whether several seeds ended at the very same value: there is nothing to judge a difference by."""
        return self.n >= FEWEST_SEEDS and len(set(self.values)) == 1


def accuracy_of(outcomes: Iterable[Outcome]) -> Accuracy:
    """Sum up the completed runs of one recipe.

    A seed counts once: equal seeds are one experiment told twice; a parent counts once too, as its children inherit its
    luck (`independence`). What was tested on other images than the newest run is no further draw of the same number
    either; where it is not known what a run was tested on, the recipe that they share says the same of it.
    """
    told = sorted(outcomes, key=lambda one: one.run)
    newest = {outcome.seed: outcome for outcome in told}
    if not newest:
        return Accuracy("none")
    newest_first = sorted(newest.values(), key=lambda one: one.run, reverse=True)
    test_set = next((one.test_set for one in newest_first if one.test_set), None)
    fits = {seed for seed, one in newest.items() if one.test_set in (None, test_set)}
    drawn = {one.run: one for one in told if one.seed in fits and one.test_set in (None, test_set)}
    draws = independent(Draw(one.run, one.seed, one.parent) for one in drawn.values())
    kept = tuple(drawn[draw.run] for draw in draws)
    lost = fits - {one.seed for one in kept}
    kind, interval = _interval(kept)
    return Accuracy(
        kind,
        kept,
        interval,
        left_out=tuple(sorted(one.run for seed, one in newest.items() if seed not in fits)),
        same_parent=tuple(sorted(newest[seed].run for seed in lost)),
    )


def _interval(kept: Sequence[Outcome]) -> tuple[Kind, Interval | None]:
    if len(kept) >= FEWEST_SEEDS:
        return "t", student_t([one.accuracy for one in kept])
    if len(kept) == 2:
        return "two", None
    images = kept[0].images
    return ("none", None) if not images else ("wilson", wilson(kept[0].accuracy, images))


def next_seeds(taken: Iterable[int], count: int) -> list[int]:
    """Return the lowest seeds that are not taken."""
    known = set(taken)
    return [seed for seed in range(len(known) + count) if seed not in known][:count]


def seeds_wanted(n: int) -> int:
    """Return how many more seeds a recipe with `n` of them needs for an interval; two more where it has one."""
    return max(FEWEST_SEEDS - n, 0) or 2
