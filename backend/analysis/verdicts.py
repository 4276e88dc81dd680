"""What may be said of the best of several recipes against the next: computed sentences that claim no more than their
tests and intervals show.

Two questions, never mixed: whether *these trained models* differ on this test set (one run each, Wilson's intervals; the
exact test on stored predictions is `paired_models`), and whether *these recipes* differ over seeds (three or more each,
Welch's test, corrected for all pairs that are compared). `separated` is the one place that decides.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from backend.analysis.between_recipes import ALPHA, Family, family
from backend.analysis.intervals import FEWEST_SEEDS
from backend.analysis.numerals import counted, listed
from backend.analysis.recipes import Accuracy

Question = Literal["models", "recipes"]


@dataclass(frozen=True)
class Contender:
    """One recipe that is compared. `images` is what its spec says of the test images: the data set, and how many."""

    label: str
    accuracy: Accuracy
    images: tuple[Hashable, Hashable]


@dataclass(frozen=True)
class Verdict:
    """`best` and `runner_up` are places in the list of contenders, None where nothing is ranked.

    `separated` says whether they differ by more than chance allows, None where that cannot be said. `p` is Welch's for the
    best two recipes over seeds, corrected by Holm for `family` comparisons.
    `needs_seeds` are the places whose recipes more seeds would help.
    """

    sentences: tuple[str, ...]
    question: Question | None = None
    best: int | None = None
    runner_up: int | None = None
    separated: bool | None = None
    needs_seeds: tuple[int, ...] = ()
    p: float | None = None
    family: int = 0

    @property
    def text(self) -> str:
        return " ".join(self.sentences)


def verdict(contenders: Sequence[Contender]) -> Verdict:
    """Compare the best mean test accuracy with the next one."""
    ended = [place for place, one in enumerate(contenders) if one.accuracy.mean is not None]
    if not ended:
        return Verdict(("No run has completed yet, so there is nothing to rank.",))
    if len(contenders) == 1:
        return Verdict((f"One recipe: {_alone(contenders[0].accuracy)} Add another to compare it with.",))
    if len(ended) == 1:
        only = contenders[ended[0]]
        return Verdict((f"Only {only.label} has a completed run: {_alone(only.accuracy)}",))
    unfit = _not_one_test_set([contenders[place] for place in ended])
    if unfit:
        return Verdict((unfit,))
    return _ranked(contenders, sorted(ended, key=lambda place: _mean(contenders[place]), reverse=True))


def separated(best: Accuracy, other: Accuracy, p: float | None = None) -> bool | None:
    """Say whether two accuracies differ by more than chance allows; None where that cannot be said.

    Over seeds Welch's test decides, with `p` as corrected for what else is compared, or that of these two alone. Of one run
    each the intervals do. Different questions are not held against each other, nor seeds that all end alike: they say
    nothing of chance.
    """
    if best.kind != other.kind or best.interval is None or other.interval is None:
        return None
    if best.has_no_spread or other.has_no_spread:
        return None
    if best.kind == "t":
        p = family([best.values, other.values]).p(0, 1) if p is None else p
        return None if p is None else p < ALPHA
    return not best.interval.overlaps(other.interval)


def _ranked(contenders: Sequence[Contender], order: Sequence[int]) -> Verdict:
    first, second = contenders[order[0]], contenders[order[1]]
    if _mean(first) == _mean(second):
        tied = [contenders[place].label for place in order if _mean(contenders[place]) == _mean(first)]
        ending = f"end at the same test accuracy, {_percents(_mean(first), None)[0]}."
        return Verdict((f"{listed(tied)} {ending}",), needs_seeds=_short_of_seeds(contenders, order[:2]))
    tests = family([one.accuracy.values if one.accuracy.kind == "t" else [] for one in contenders])
    p = tests.p(order[0], order[1])
    apart = separated(first.accuracy, second.accuracy, p)
    high, low = _percents(_mean(first), _mean(second))
    sentences = [
        f"{first.label} has the highest test accuracy: {high} against {low}"
        f"{f' of {second.label}' if len(order) > 2 else ''}{_reason(first, second, apart, tests, p)}"
    ]
    if len(order) > 2 and apart is not None and p is None:
        sentences.append(
            f"It was picked as the best of {len(order)}; the intervals are not widened for that choice."
        )
    seeds = () if apart and first.accuracy.kind == "t" else _short_of_seeds(contenders, order[:2])
    question = _question(first, second)
    return Verdict(
        tuple(sentences), question, order[0], order[1], apart, seeds, p, tests.size if p is not None else 0
    )


def _question(first: Contender, second: Contender) -> Question | None:
    kinds = {first.accuracy.kind, second.accuracy.kind}
    return "models" if kinds == {"wilson"} else "recipes" if kinds == {"t"} else None


def _reason(first: Contender, second: Contender, apart: bool | None, tests: Family, p: float | None) -> str:
    """Return how the sentence goes on after the two numbers."""
    if apart is None:
        return f". {_no_judgement(first, second)}"
    if first.accuracy.kind == "wilson":
        return _of_models(first.accuracy, apart)
    assert p is not None
    return _of_recipes(first.accuracy.n, second.accuracy.n, apart, p, tests.size)


def _of_models(accuracy: Accuracy, apart: bool) -> str:
    images = counted(accuracy.images or 0, "test image")
    if apart:
        return (
            f"; the 95% intervals do not overlap, so between these two trained models the difference is unlikely to be "
            f"chance of the {images}. With one seed each this says nothing yet of the recipes."
        )
    return f"; the 95% intervals overlap: with one seed each and {images} these two cannot be told apart. Launch more seeds."


def _of_recipes(n: int, other: int, apart: bool, p: float, comparisons: int) -> str:
    seeds = f"{n} seeds" if n == other else f"{n} and {other} seeds"
    told = "p < 0.001" if p < 0.001 else f"p = {p:.3g}"
    if comparisons > 1:
        told += f" (corrected by Holm for all {comparisons} pairs)"
    if apart:
        return f"; Welch's t-test over {seeds} gives {told}, so the difference is unlikely to be chance of the seeds."
    return (
        f"; Welch's t-test over {seeds} gives {told}: these recipes cannot be told apart. Launch more seeds."
    )


def _no_judgement(first: Contender, second: Contender) -> str:
    still = [one.label for one in (first, second) if one.accuracy.has_no_spread]
    if still:
        return f"All seeds of {listed(still)} end at the same value: there is no spread to judge the difference by."
    few = [one for one in (first, second) if one.accuracy.n < FEWEST_SEEDS]
    if not few:
        return "There are no intervals to judge the difference by."
    if all(one.accuracy.n == 1 for one in few) and len(few) == 2:
        return "How many images they were tested on is not known, so there is no interval to judge the difference by."
    told = listed([f"{one.label} has {counted(one.accuracy.n, 'seed')}" for one in few])
    return f"{told}: {FEWEST_SEEDS} of each are needed to judge the recipes. Launch more seeds."


def _short_of_seeds(contenders: Sequence[Contender], places: Sequence[int]) -> tuple[int, ...]:
    """Return those that have fewer seeds than an interval needs; both, where neither has."""
    few = tuple(place for place in places if contenders[place].accuracy.n < FEWEST_SEEDS)
    return few or tuple(place for place in places if not contenders[place].accuracy.has_no_spread)


def _same_images(one: Contender, other: Contender) -> bool | None:
    """Say whether two were tested on the same images; None where that is not known.

    Two limits may mean the same images of a small data set, two data sets never do.
    """
    if one.accuracy.test_set and other.accuracy.test_set:
        return one.accuracy.test_set == other.accuracy.test_set
    if one.images[0] != other.images[0]:
        return False
    return True if one.images == other.images else None


def _not_one_test_set(ended: Sequence[Contender]) -> str | None:
    """Return why these are not ranked; None where all were tested on the same images."""
    # Two of which the same is known were tested on the same images; of hundreds most are alike.
    unlike = {(one.accuracy.test_set, one.images): one for one in ended}.values()
    same = {_same_images(one, other) for one, other in combinations(unlike, 2)}
    if same <= {True}:
        return None
    if False not in same:
        return (
            "It is not known whether these recipes were tested on the same images: their accuracies are shown, and not "
            "ranked."
        )
    counts = sorted({one.accuracy.images for one in ended if one.accuracy.images is not None})
    told = f" ({listed([f'{count:,}' for count in counts])} images)" if len(counts) > 1 else ""
    return (
        f"These recipes were not tested on the same images{told}: their accuracies are shown, and not ranked."
    )


def _alone(accuracy: Accuracy) -> str:
    assert accuracy.mean is not None
    mean = _percents(accuracy.mean, None)[0]
    if accuracy.kind == "wilson" and accuracy.interval and accuracy.images:
        low, high = _percents(accuracy.interval.low, accuracy.interval.high)
        images = counted(accuracy.images, "test image")
        return f"test accuracy {mean}, with a 95% interval from {low} to {high} by its {images}."
    if accuracy.kind == "t" and accuracy.interval:
        half = 50 * (accuracy.interval.high - accuracy.interval.low)
        return f"test accuracy {mean} ± {half:.1f} points over {accuracy.n} seeds (95%)."
    if accuracy.kind == "two":
        return f"test accuracy {listed([_percents(value, None)[0] for value in accuracy.values])} with two seeds."
    return f"test accuracy {mean}."


def _mean(contender: Contender) -> float:
    assert contender.accuracy.mean is not None
    return contender.accuracy.mean


def _percents(first: float, second: float | None) -> tuple[str, str]:
    """Return two shares in percent with one decimal; with more where one would hide that they differ."""
    if second is None:
        return f"{100 * first:.1f}%", ""
    decimals = next(
        (places for places in (1, 2, 3) if f"{100 * first:.{places}f}" != f"{100 * second:.{places}f}"), 3
    )
    return f"{100 * first:.{decimals}f}%", f"{100 * second:.{decimals}f}%"
