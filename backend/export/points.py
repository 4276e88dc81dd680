"""All points of runs as CSV or JSON, run after run: never more in memory than the curves of one."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from backend.export.csv_text import lines
from backend.export.formats import PointsFormat, Stamp
from backend.export.table import Value

FIELDS = ("run", "recipe", "label", "seed", "metric", "epoch", "value")


class Curve(Protocol):
    """What a series of the store is. A gap in `values` has its name in `nonfinite`."""

    epochs: list[int]
    values: list[float | None]
    nonfinite: dict[int, str]


@dataclass(frozen=True)
class Whose:
    """A run, with the recipe that it is of, as the comparison calls that."""

    run: int
    recipe: str
    label: str
    seed: int


Read = Callable[[int], Mapping[str, Curve]]
"""Gives the curves of one run by metric, all of one moment."""


def points_text(runs: Iterable[Whose], read: Read, form: PointsFormat, stamp: Stamp) -> Iterator[str]:
    """Yield the points in pieces of a run each, in the order of the runs, of metrics by name, and of epochs.

    A value that is no number stands there by its name: nan, inf, -inf.
    """
    return _csv(runs, read) if form == "csv" else _json(runs, read, stamp)


def _csv(runs: Iterable[Whose], read: Read) -> Iterator[str]:
    yield lines([FIELDS])
    for whose in runs:
        yield lines(_records(whose, read(whose.run)))


def _json(runs: Iterable[Whose], read: Read, stamp: Stamp) -> Iterator[str]:
    yield f'{json.dumps(dict(stamp))[:-1]}, "points": ['
    between = "\n"
    for whose in runs:
        records = [dict(zip(FIELDS, record, strict=True)) for record in _records(whose, read(whose.run))]
        if records:
            yield between + ",\n".join(json.dumps(record, allow_nan=False) for record in records)
            between = ",\n"
    yield "\n]}\n"


def _records(whose: Whose, curves: Mapping[str, Curve]) -> Iterator[list[Value]]:
    for metric, curve in sorted(curves.items()):
        for epoch, value in zip(curve.epochs, curve.values, strict=True):
            told = curve.nonfinite.get(epoch, "nan") if value is None else value
            yield [whose.run, whose.recipe, whose.label, whose.seed, metric, epoch, told]
