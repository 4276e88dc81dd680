"""The curves of a comparison: those of few runs within the answer, those of many a metric at a time."""

import json
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from sqlalchemy.orm import Session

from backend.api.compare_reading import AskedDep, Comparison, wanted_runs
from backend.api.deps import DatabaseDep
from backend.api.problems import RESPONSES
from backend.api.wire import Wire
from backend.api.wire_recipes import CurveWire
from backend.errors import InvalidSpec
from backend.figures import compare as figures
from backend.figures.compare import CURVES, Curve
from backend.store import comparing, points
from backend.store.comparing import Written

MOST_WHOLE = 50
"""Runs whose curves of all metrics come with the table; of more, curves come a metric at a time."""

Metric = Literal["test_acc", "test_loss", "train_loss", "train_acc"]

router = APIRouter(prefix="/api/compare", tags=["compare"], responses=RESPONSES)


class PlainCurveWire(Wire):
    """One curve. `epochs` is null where they are 1, 2, 3 ...; `seconds` where time was not asked for."""

    epochs: list[int] | None
    values: list[float | None]
    seconds: list[float | None] | None
    nonfinite: dict[int, str]
    thinned: bool


class CurvesWire(Wire):
    metric: Metric
    series: dict[int, PlainCurveWire]


@router.get("/curves", response_model=CurvesWire)
def get_curves(
    database: DatabaseDep,
    asked: AskedDep,
    metric: Metric = "test_acc",
    seconds: Annotated[bool, Query(description="With the training time up to each epoch.")] = False,
) -> Response:
    """Return one metric of each of these runs, by epoch. What is known without it is left out: see the answer's shape.

    Runs that have no epoch yet are left out. A long curve is thinned, by the lowest and the highest value of each stretch.
    """
    with database.read() as session:
        wanted = wanted_runs(session, asked)
        most = figures.most_points_of_one(len(wanted))
        written = {} if seconds else comparing.written_curves(session, wanted, metric, most)
        series = comparing.curves_of(session, set(wanted) - written.keys(), metric)
        times = comparing.curves_of(session, wanted, "epoch_seconds") if seconds else {}
    told = [f'"{run_id}":{_plain(*_as_written(one))}' for run_id, one in written.items()]
    for run_id, one in series.items():
        elapsed = figures.elapsed_seconds(times[run_id]) if run_id in times else {}
        told.append(f'"{run_id}":{_plain(*_as_drawn(figures.curve(one, elapsed, most), seconds))}')
    # As text: a model of each of some hundred thousand numbers takes longer than all else.
    return Response(f'{{"metric":"{metric}","series":{{{",".join(told)}}}}}', media_type="application/json")


def _as_written(one: Written) -> tuple[str, str, str, str, str]:
    return "null", one.text, "null", "{}", "false"


def _as_drawn(curve: Curve, seconds: bool) -> tuple[str, str, str, str, str]:
    counted = curve.epochs == list(range(1, len(curve.epochs) + 1))
    parts = (
        None if counted else curve.epochs,
        curve.values,
        curve.seconds if seconds else None,
        {str(epoch): word for epoch, word in curve.nonfinite.items()},
        curve.thinned,
    )
    epochs, values, times, nonfinite, thinned = (json.dumps(part, allow_nan=False) for part in parts)
    return epochs, values, times, nonfinite, thinned


def _plain(epochs: str, values: str, seconds: str, nonfinite: str, thinned: str) -> str:
    """Return a `PlainCurveWire` from the JSON of its parts."""
    return f'{{"epochs":{epochs},"values":{values},"seconds":{seconds},"nonfinite":{nonfinite},"thinned":{thinned}}}'


def of_few_runs(session: Session, found: Comparison) -> dict[int, dict[str, CurveWire]]:
    """Return all curves of the runs of a comparison.

    Raises:
        InvalidSpec: there are so many that they are to be asked for a metric at a time.
    """
    wanted = found.wanted
    if len(wanted) > MOST_WHOLE:
        raise InvalidSpec(
            f"curves is true for {len(wanted)} runs; at most {MOST_WHOLE} come with all their curves: ask with curves=false, "
            "and for a metric at /api/compare/curves."
        )
    read = points.each(session, wanted, [*CURVES, "epoch_seconds"])
    drawn = {run_id: figures.curves(series, len(wanted)) for run_id, series in read}
    return {
        run_id: {name: _curve_wire(curve) for name, curve in drawn.get(run_id, {}).items()}
        for run_id in wanted
    }


def are_thinned(drawn: dict[int, dict[str, CurveWire]]) -> bool:
    return any(curve.thinned for of_run in drawn.values() for curve in of_run.values())


def would_be_thinned(found: Comparison) -> bool:
    """Whether the longest curve of a comparison has more points than are drawn of it."""
    runs = len(found.wanted)
    most = figures.most_points(runs) if runs <= MOST_WHOLE else figures.most_points_of_one(runs)
    return found.longest > most


def _curve_wire(curve: Curve) -> CurveWire:
    return CurveWire(
        epochs=curve.epochs,
        values=curve.values,
        seconds=curve.seconds,
        nonfinite=curve.nonfinite,
        thinned=curve.thinned,
    )
