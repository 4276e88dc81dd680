"""The curves of several runs over epochs and over training time, thinned where there are more points than a screen has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from backend.store.points import Series

CURVES = ("test_acc", "test_loss", "train_loss", "train_acc")
MOST_POINTS = 2_000
"""Of one curve: some two for each pixel of a wide figure."""
POINTS_OF_ALL = 100_000
"""Of all curves together; fifty runs are then drawn of 500 points each."""


@dataclass(frozen=True)
class Curve:
    """One metric of one run. `seconds` is the training time up to each epoch, None where an epoch's time is unknown.

    Where `thinned`, each bucket of epochs is told by its first, lowest, highest and last value.
    """

    epochs: list[int] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)
    seconds: list[float | None] = field(default_factory=list)
    nonfinite: dict[int, str] = field(default_factory=dict)
    thinned: bool = False


def curves(series: Mapping[str, Series], runs: int) -> dict[str, Curve]:
    """Return the curves of one run of `runs` that are shown together; `series` holds the times of epochs too."""
    most = most_points(runs)
    elapsed = elapsed_seconds(series.get("epoch_seconds", Series()))
    return {name: _curve(series[name], elapsed, most) for name in CURVES if name in series}


def most_points(runs: int) -> int:
    """Return how many points one curve of `runs` runs may have; longer ones are thinned."""
    return min(MOST_POINTS, max(200, POINTS_OF_ALL // (runs * len(CURVES))))


def elapsed_seconds(times: Series) -> dict[int, float]:
    """Return the time from the start to the end of each epoch, up to the first one whose time is not known."""
    known: dict[int, float] = {}
    for place, (epoch, value) in enumerate(zip(times.epochs, times.values, strict=True), start=1):
        if value is None or epoch != place:
            break
        known[epoch] = value
    return dict(zip(known, accumulate(known.values()), strict=True))


def _curve(series: Series, elapsed: Mapping[int, float], most: int) -> Curve:
    kept = thinned(series.values, most)
    epochs = [series.epochs[place] for place in kept]
    shown = set(epochs)
    return Curve(
        epochs=epochs,
        values=[series.values[place] for place in kept],
        seconds=[elapsed.get(epoch) for epoch in epochs],
        nonfinite={epoch: word for epoch, word in series.nonfinite.items() if epoch in shown},
        thinned=len(kept) < len(series.epochs),
    )


def thinned(values: list[float | None], most: int) -> list[int]:
    """Return the places of at most `most` values that show what all of them show: no peak, gap or end is lost.

    Buckets of equal length keep their first, lowest, highest and last value, and their first gap.
    """
    if len(values) <= most:
        return list(range(len(values)))
    length = -(-len(values) // max(1, most // 5))
    kept: set[int] = set()
    for start in range(0, len(values), length):
        places = range(start, min(start + length, len(values)))
        known = [place for place in places if values[place] is not None]
        kept |= {places[0], places[-1]}
        kept |= {pick(known, key=lambda place: values[place] or 0.0) for pick in (min, max) if known}
        kept |= set([place for place in places if values[place] is None][:1])
    return sorted(kept)
