"""The series of many values of a run: which there are, and one of them, whole or thinned for drawing."""

import math
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from backend.analysis.thinning import FEWEST, Point, thinned_pieces
from backend.api.deps import LARGEST_INTEGER, DatabaseDep, RunId
from backend.api.problems import RESPONSES
from backend.api.wire import Wire
from backend.contract import DENSE_SERIES, MOST_DENSE_VALUES, DenseSeries
from backend.errors import InvalidSpec, UnknownName
from backend.store import chunks, runs
from backend.store.chunks import Length

LARGEST_ATTEMPT = 2**31 - 1

router = APIRouter(prefix="/api/runs", tags=["series"], responses=RESPONSES)

Position = Annotated[float | None, Query(ge=0, le=LARGEST_INTEGER, allow_inf_nan=False)]


class AttemptLengthWire(Wire):
    attempt: int
    length: int


class DenseSeriesWire(Wire):
    """A series of a run. One by step goes on over all attempts, and `attempts` is null; one by second is each attempt's."""

    name: str
    title: str
    unit: str
    by: Literal["step", "second"]
    length: int
    attempts: list[AttemptLengthWire] | None


class DenseSeriesListWire(Wire):
    run: int
    series: list[DenseSeriesWire]


class DenseValuesWire(Wire):
    """Values at steps, or at seconds since `attempt` began. A value that is no number is null, and `nonfinite` has its
    name by its place in `values`. `of` is how many there are; `thinned`, whether less than these came.
    """

    run: int
    name: str
    attempt: int | None
    positions: list[int] | list[float]
    values: list[float | None]
    nonfinite: dict[int, str]
    thinned: bool
    of: int


@router.get("/{run_id}/series")
def list_series(run_id: RunId, database: DatabaseDep) -> DenseSeriesListWire:
    """Return which series by step and by second a run has, and how many values each holds."""
    with database.read() as session:
        runs.get(session, run_id)
        found = chunks.lengths(session, run_id)
    return DenseSeriesListWire(run=run_id, series=_listed(found))


@router.get("/{run_id}/series/values")
def get_series_values(
    run_id: RunId,
    database: DatabaseDep,
    name: Annotated[str, Query(max_length=100)],
    attempt: Annotated[int | None, Query(ge=1, le=LARGEST_ATTEMPT)] = None,
    points: Annotated[int, Query(ge=0, le=LARGEST_INTEGER)] = 2000,
    first: Position = None,
    last: Position = None,
) -> DenseValuesWire:
    """Return one series, or its part from position `first` to `last`; empty where nothing was kept of it.

    What has more than `points` values is thinned: of each stretch come the lowest and the highest, and what is no
    number, and both ends. 0 means all, up to a million. `attempt` is for series by second: the last one that has
    values where it is not given.
    """
    about = _known(name)
    if 0 < points < FEWEST:
        raise InvalidSpec(f"points is {points}; it must be 0 for all of them, or {FEWEST} or more.")
    if about.by == "step" and attempt is not None:
        raise InvalidSpec(
            f"attempt is {attempt}; {name} goes on over all attempts of a run and must be asked without one."
        )
    with database.read() as session:
        runs.get(session, run_id)
        if about.by == "step":
            low = None if first is None else math.ceil(first)
            high = None if last is None else math.floor(last)
            part = (session, run_id, name, low, high)
            count, pieces = chunks.count_steps(*part), chunks.step_pieces(*part)
        else:
            attempt = attempt or chunks.newest_attempt(session, run_id, name)
            of_attempt = (session, run_id, name, attempt or 0, first, last)
            count, pieces = chunks.count_samples(*of_attempt), chunks.sample_pieces(*of_attempt)
        if not points:
            _check_not_too_many(name, count)
        found = thinned_pieces(
            ((one.positions, one.values) for one in pieces), count, points or MOST_DENSE_VALUES
        )
    return _values_wire(run_id, name, attempt, found, count)


def _check_not_too_many(name: str, count: int) -> None:
    if count > MOST_DENSE_VALUES:
        raise InvalidSpec(
            f"points is 0, and {name} has {count:,} values there; up to {MOST_DENSE_VALUES:,} come whole: "
            "ask for a part with first and last, or for fewer points."
        )


def _known(name: str) -> DenseSeries:
    if name not in DENSE_SERIES:
        raise UnknownName("series", name, DENSE_SERIES)
    return DENSE_SERIES[name]


def _listed(found: list[Length]) -> list[DenseSeriesWire]:
    listed = []
    for name in dict.fromkeys(one.name for one in found):
        about = DENSE_SERIES[name]
        own = [one for one in found if one.name == name]
        attempts = [AttemptLengthWire(attempt=one.attempt, length=one.count) for one in own if one.attempt]
        listed.append(
            DenseSeriesWire(
                name=name,
                title=about.title,
                unit=about.unit,
                by=about.by,
                length=sum(one.count for one in own),
                attempts=attempts if about.by == "second" else None,
            )
        )
    return listed


def _values_wire(run_id: int, name: str, attempt: int | None, found: list[Point], of: int) -> DenseValuesWire:
    values = [value for _, value in found]
    return DenseValuesWire(
        run=run_id,
        name=name,
        attempt=attempt,
        positions=[position for position, _ in found],  # pyright: ignore
        values=[value if math.isfinite(value) else None for value in values],
        nonfinite={place: str(value) for place, value in enumerate(values) if not math.isfinite(value)},
        thinned=len(values) < of,
        of=of,
    )
