"""What findings between runs are read from, for many runs at once: a statement each, however many there are."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.store.points import Series
from backend.store.tables import Attempt, Point


def first_epochs(
    session: Session, run_ids: Collection[int], names: Collection[str], epochs: int
) -> dict[int, dict[str, Series]]:
    """Return the values of the first epochs of some metrics, by run and metric, each in the order of epochs."""
    query = (
        select(Point.run_id, Point.name, Point.epoch, Point.value, Point.nonfinite)
        .where(Point.run_id.in_(run_ids), Point.name.in_(names), Point.step <= epochs)
        .order_by(Point.run_id, Point.name, Point.step)
    )
    found: dict[int, dict[str, Series]] = {}
    for run_id, name, epoch, value, nonfinite in session.execute(query):
        series = found.setdefault(run_id, {}).setdefault(name, Series())
        series.epochs.append(epoch)
        series.values.append(value)
        if nonfinite is not None:
            series.nonfinite[epoch] = nonfinite
    return found


def told(session: Session, run_ids: Collection[int], facts: Sequence[str]) -> dict[int, dict[str, Any]]:
    """Return some facts of what each run was trained on, as its newest attempt that told any did."""
    parts = [Attempt.environment[name].as_string() for name in facts]
    query = (
        select(Attempt.run_id, *parts)
        .where(Attempt.run_id.in_(run_ids), Attempt.environment.is_not(None))
        .order_by(Attempt.run_id, Attempt.number)
    )
    return {run_id: dict(zip(facts, values, strict=True)) for run_id, *values in session.execute(query)}
