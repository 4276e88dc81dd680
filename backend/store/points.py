"""The points: one value of one metric of one run at one epoch. A value that is no number is data too."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import ColumnElement

from backend.store import clock
from backend.store.tables import Attempt, Point, Run

SPARK_POINTS = 60
"""Curves in lists are thinned to about this many points."""

ROWS_AT_ONCE = 10_000

# An epoch's points are written as plainly as each database takes them: put together row by row by SQLAlchemy, they
# took longer than all else that an epoch writes.
_INSERT_ROW = (
    "INSERT INTO point (run_id, name, step, epoch, value, nonfinite, at) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_ARRAYS = text("""
    INSERT INTO point (run_id, name, step, epoch, value, nonfinite, at)
    SELECT :run_id, told.name, :epoch, :epoch, told.value, told.nonfinite, :at
    FROM unnest(CAST(:names AS text[]), CAST(:values AS double precision[]), CAST(:words AS text[]))
        AS told (name, value, nonfinite)
""")


@dataclass
class Series:
    """One metric of one run by epoch. A gap in `values` has its name (nan, inf, -inf) in `nonfinite`."""

    epochs: list[int] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)
    nonfinite: dict[int, str] = field(default_factory=dict)

    def by_epoch(self) -> dict[int, float]:
        """Return the values by epoch, those that are no numbers as the floats that they were."""
        return {
            epoch: float(self.nonfinite.get(epoch, "nan")) if value is None else value
            for epoch, value in zip(self.epochs, self.values, strict=True)
        }


def split(metrics: dict[str, float]) -> tuple[dict[str, float | None], dict[str, str]]:
    """Return the values with None for what is no number, and the names of those."""
    finite = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
    nonfinite = {name: _name(value) for name, value in metrics.items() if not math.isfinite(value)}
    return finite, nonfinite


def write(
    session: Session, run_id: int, epoch: int, metrics: dict[str, float], at: float | None = None
) -> tuple[dict[str, float | None], dict[str, str]]:
    """Store the values of one epoch, and return them as `split` does.

    `at` is the time of the database, asked for where it is not given.
    """
    at = clock.read_now(session) if at is None else at
    finite, nonfinite = split(metrics)
    if not finite:
        return finite, nonfinite
    words = [nonfinite.get(name) for name in finite]
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        values = {"names": list(finite), "values": list(finite.values()), "words": words}
        connection.execute(_INSERT_ARRAYS, {"run_id": run_id, "epoch": epoch, "at": at, **values})
    else:
        rows = [
            (run_id, name, epoch, epoch, value, word, at)
            for (name, value), word in zip(finite.items(), words, strict=True)
        ]
        connection.exec_driver_sql(_INSERT_ROW, rows)
    return finite, nonfinite


def read(session: Session, run_id: int, names: list[str] | None = None) -> dict[str, Series]:
    """Return the series of one run by name, each in the order of epochs."""
    query = (
        select(Point.name, Point.epoch, Point.value, Point.nonfinite)
        .where(Point.run_id == run_id)
        .order_by(Point.name, Point.step)
    )
    if names:
        query = query.where(Point.name.in_(names))
    found: dict[str, Series] = {}
    for name, epoch, value, nonfinite in session.execute(query):
        series = found.setdefault(name, Series())
        series.epochs.append(epoch)
        series.values.append(value)
        if nonfinite is not None:
            series.nonfinite[epoch] = nonfinite
    return found


def read_many(
    session: Session, run_ids: Collection[int], names: Collection[str]
) -> dict[int, dict[str, Series]]:
    """Return some series of many runs, by run and name, each in the order of epochs."""
    return dict(each(session, run_ids, names))


def each(
    session: Session, run_ids: Collection[int], names: Collection[str]
) -> Iterator[tuple[int, dict[str, Series]]]:
    """Yield what `read_many` returns, run by run: whoever thins them never holds more than those of one run."""
    query = (
        select(Point.run_id, Point.name, Point.epoch, Point.value, Point.nonfinite)
        .where(Point.run_id.in_(run_ids), Point.name.in_(names))
        .order_by(Point.run_id, Point.name, Point.step)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )
    for run_id, rows in groupby(session.execute(query), key=lambda row: row[0]):
        found: dict[str, Series] = {}
        for _, name, epoch, value, nonfinite in rows:
            series = found.setdefault(name, Series())
            series.epochs.append(epoch)
            series.values.append(value)
            if nonfinite is not None:
                series.nonfinite[epoch] = nonfinite
        yield run_id, found


def longest(session: Session, run_ids: Collection[int], names: Collection[str]) -> int:
    """Return how many points the longest of these series has; 0 where there are none."""
    lengths = (
        select(func.count().label("length"))
        .where(Point.run_id.in_(run_ids), Point.name.in_(names))
        .group_by(Point.run_id, Point.name)
        .subquery()
    )
    return session.execute(select(func.max(lengths.c.length))).scalar_one() or 0


def last_nonfinite(
    session: Session, run_ids: Collection[int], names: Collection[str]
) -> dict[int, dict[str, str]]:
    """Return, by run and metric, the names (nan, inf, -inf) of the last epoch's values that are no numbers."""
    query = (
        select(Point.run_id, Point.name, Point.nonfinite)
        .join(Run, Run.id == Point.run_id)
        .where(Point.run_id.in_(run_ids), Point.name.in_(names), Point.step == last_epoch())
        .where(Point.nonfinite.is_not(None))
    )
    found: dict[int, dict[str, str]] = {}
    for run_id, name, word in session.execute(query):
        found.setdefault(run_id, {})[name] = str(word)
    return found


def training_seconds(session: Session, run_ids: Collection[int]) -> dict[int, float]:
    """Return the training time up to the last epoch of each run; without those of which an epoch's time is unknown."""
    query = (
        select(Run.id, func.sum(Point.value))
        .join(Run, Run.id == Point.run_id)
        .where(Point.run_id.in_(run_ids), Point.name == "epoch_seconds", Point.step <= last_epoch())
        .group_by(Run.id)
        .having(func.count(Point.value) == last_epoch())
    )
    return dict(session.execute(query).all())  # pyright: ignore


def spark_lines(
    session: Session, run_ids: list[int], name: str = "test_acc"
) -> dict[int, list[tuple[int, float | None]]]:
    """Return a thinned curve of one metric, as (epoch, value), for each of many runs."""
    # By the epochs that there are: a run that stops early has fewer than it was launched for.
    of_last = last_epoch() // SPARK_POINTS
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    stride = func.max(1, of_last) if is_sqlite else func.greatest(1, of_last)
    # Once a run, not once a point: a summary is JSON, and takes long to read.
    of_run = select(Run.id, stride.label("stride")).where(Run.id.in_(run_ids)).cte("strides")
    strides = of_run.prefix_with("MATERIALIZED")
    query = (
        select(Point.run_id, Point.epoch, Point.value)
        .join(strides, strides.c.id == Point.run_id)
        .where(Point.name == name, Point.step % strides.c.stride == 0)
        .order_by(Point.run_id, Point.step)
    )
    found: dict[int, list[tuple[int, float | None]]] = {}
    for run_id, epoch, value in session.execute(query):
        found.setdefault(run_id, []).append((epoch, value))
    return found


def delete_after(session: Session, run_id: int, epoch: int) -> None:
    """Forget all that came after an epoch."""
    session.execute(delete(Point).where(Point.run_id == run_id, Point.epoch > epoch))


def extended_summary(
    summary: dict[str, Any] | None, epoch: int, metrics: dict[str, float | None]
) -> dict[str, Any]:
    """Return the summary of a run after one more epoch: the last values, and the best test accuracy."""
    best, best_epoch = (summary or {}).get("best_test_acc"), (summary or {}).get("best_epoch")
    now = metrics.get("test_acc")
    if now is not None and (best is None or now > best):
        best, best_epoch = now, epoch
    return {"epoch": epoch, "metrics": metrics, "best_test_acc": best, "best_epoch": best_epoch}


def summary_of(session: Session, run_id: int) -> dict[str, Any] | None:
    """Return the summary that the stored points of a run make; None where it has none."""
    last = session.execute(select(func.max(Point.epoch)).where(Point.run_id == run_id)).scalar_one()
    if last is None:
        return None
    rows = session.execute(select(Point.name, Point.value).where(Point.run_id == run_id, Point.epoch == last))
    value, epoch = best(session, run_id, last)
    return {"epoch": last, "metrics": dict(rows.all()), "best_test_acc": value, "best_epoch": epoch}


def best(session: Session, run_id: int, last: int) -> tuple[float | None, int | None]:
    """Return the highest test accuracy up to an epoch, and the first epoch that reached it."""
    found = session.execute(
        select(Point.value, Point.epoch)
        .where(
            Point.run_id == run_id,
            Point.name == "test_acc",
            Point.value.is_not(None),
            Point.step <= last,
        )
        .order_by(Point.value.desc(), Point.epoch)
        .limit(1)
    ).one_or_none()
    return (None, None) if found is None else (found.value, found.epoch)


def set_aside(session: Session, run_id: int, attempt: int) -> None:
    """Move the curves of a run into the attempt that ended with them; its own are empty then."""
    found = read(session, run_id)
    if not found:
        return
    curves = {
        name: {
            "epochs": series.epochs,
            "values": series.values,
            "nonfinite": {str(epoch): kind for epoch, kind in series.nonfinite.items()},
        }
        for name, series in found.items()
    }
    session.execute(
        update(Attempt).where(Attempt.run_id == run_id, Attempt.number == attempt).values(points=curves)
    )
    delete_after(session, run_id, 0)


def read_set_aside(session: Session, run_id: int, attempt: int) -> dict[str, Series] | None:
    """Return the curves that a retry set aside in an attempt; None where none lie there."""
    kept = session.execute(
        select(Attempt.points).where(Attempt.run_id == run_id, Attempt.number == attempt)
    ).scalar_one_or_none()
    if kept is None:
        return None
    return {
        name: Series(
            curve["epochs"],
            curve["values"],
            {int(epoch): kind for epoch, kind in curve["nonfinite"].items()},
        )
        for name, curve in kept.items()
    }


def _name(value: float) -> str:
    if math.isnan(value):
        return "nan"
    return "inf" if value > 0 else "-inf"


def last_epoch() -> ColumnElement[int]:
    """The last epoch that a run has reported: NULL before the first."""
    return Run.summary["epoch"].as_integer()
