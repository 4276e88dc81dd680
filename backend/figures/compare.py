"""The curves of several runs over epochs and over training time, thinned where there are more points than a screen has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from backend.analysis.thinning import thinned
from backend.store.points import Series

CURVES = ("test_acc", "test_loss", "train_loss", "train_acc")
MOST_POINTS = 2_000
"""Of one curve: some two for each pixel of a wide figure."""
POINTS_OF_ALL = 100_000
"""Of all curves together; fifty runs are then drawn of 500 points each."""
POINTS_OF_ONE_METRIC = 200_000
"""Of one metric of all runs: of two hundred runs each has 1,000, and a browser draws them in a second or two."""


@dataclass(frozen=True)
class Curve:
    """One metric of one run. `seconds` is the training time up to each epoch, None where an epoch's time is unknown.

    Where `thinned`, each stretch of epochs is told by its lowest and highest value, and both ends are there.
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
    return {name: curve(series[name], elapsed, most) for name in CURVES if name in series}


def most_points(runs: int) -> int:
    """Return how many points one curve of `runs` runs may have; longer ones are thinned."""
    return min(MOST_POINTS, max(200, POINTS_OF_ALL // (runs * len(CURVES))))


def most_points_of_one(runs: int) -> int:
    """Return how many points a curve may have where one metric alone of `runs` runs is shown."""
    return min(MOST_POINTS, max(200, POINTS_OF_ONE_METRIC // runs))


def elapsed_seconds(times: Series) -> dict[int, float]:
    """Return the time from the start to the end of each epoch, up to the first one whose time is not known."""
    known: dict[int, float] = {}
    for place, (epoch, value) in enumerate(zip(times.epochs, times.values, strict=True), start=1):
        if value is None or epoch != place:
            break
        known[epoch] = value
    return dict(zip(known, accumulate(known.values()), strict=True))


def curve(series: Series, elapsed: Mapping[int, float], most: int) -> Curve:
    """Return a curve of at most `most` points; `elapsed` is the time up to each epoch."""
    if len(series.epochs) <= most:
        return Curve(
            series.epochs, series.values, [elapsed.get(epoch) for epoch in series.epochs], series.nonfinite
        )
    # A gap is no number: it stands out.
    kept = thinned(list(series.by_epoch().values()), most)
    epochs = [series.epochs[place] for place in kept]
    shown = set(epochs)
    return Curve(
        epochs=epochs,
        values=[series.values[place] for place in kept],
        seconds=[elapsed.get(epoch) for epoch in epochs],
        nonfinite={epoch: word for epoch, word in series.nonfinite.items() if epoch in shown},
        thinned=len(kept) < len(series.epochs),
    )
