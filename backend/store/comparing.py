"""What a comparison reads of the points of many runs at once: values at a chosen epoch, sums, and when a target was met.

One statement for all runs each, however many there are.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import CTE, and_, cast, func, literal_column, select
from sqlalchemy import types as sql_types
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, aliased

from backend.store.points import ROWS_AT_ONCE, Series, last_epoch
from backend.store.tables import Attempt, Point, Run

Choice = Literal["last", "best", "validation"]
"""The epoch whose values stand for a run: the last, the one of its best test accuracy, or of its best validation accuracy."""


@dataclass
class Chosen:
    """The values of one epoch of a run; those that are no numbers are None and have their names in `nonfinite`."""

    epoch: int
    values: dict[str, float | None] = field(default_factory=dict)
    nonfinite: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reached:
    """The first epoch of a run at a target, and the training time up to its end, None where an epoch's time is not known."""

    epoch: int
    seconds: float | None


def at_best(session: Session, run_ids: Collection[int], names: Collection[str]) -> dict[int, Chosen]:
    """Return the values of the epoch of the best test accuracy, the first of equals, of each run that has one."""
    query = (
        select(Point.run_id, Point.step, Point.name, Point.value, Point.nonfinite)
        .join(Run, Run.id == Point.run_id)
        .where(Point.run_id.in_(run_ids), Point.name.in_(names))
        .where(Point.step == Run.summary["best_epoch"].as_integer())
    )
    return _chosen(session.execute(query))


def at_best_validation(
    session: Session, run_ids: Collection[int], names: Collection[str]
) -> dict[int, Chosen]:
    """Return the values of the epoch of the best validation accuracy, the first of equals, of each run that has one."""
    ends = _last_epochs(run_ids)
    place = func.row_number().over(partition_by=Point.run_id, order_by=(Point.value.desc(), Point.step))
    ranked = (
        select(Point.run_id, Point.step, place.label("place"))
        .join(ends, ends.c.id == Point.run_id)
        .where(Point.name == "val_acc", Point.value.is_not(None), Point.step <= ends.c.last)
        .subquery()
    )
    query = (
        select(Point.run_id, Point.step, Point.name, Point.value, Point.nonfinite)
        .join(ranked, and_(ranked.c.run_id == Point.run_id, ranked.c.step == Point.step))
        .where(ranked.c.place == 1, Point.name.in_(names))
    )
    return _chosen(session.execute(query))


def _last_epochs(run_ids: Collection[int]) -> CTE:
    """Return the last epoch of each of these runs: once a run, not once a point, as a summary is JSON and slow to read."""
    found = select(Run.id, last_epoch().label("last")).where(Run.id.in_(run_ids)).cte("ends")
    return found.prefix_with("MATERIALIZED")


def _chosen(rows) -> dict[int, Chosen]:
    found: dict[int, Chosen] = {}
    for run_id, epoch, name, value, word in rows:
        chosen = found.setdefault(run_id, Chosen(epoch))
        chosen.values[name] = value
        if word is not None:
            chosen.nonfinite[name] = word
    return found


def totals(session: Session, run_ids: Collection[int], name: str) -> dict[int, float]:
    """Return the sum of a metric over all epochs of each run; without those of which any epoch has none."""
    ends = _last_epochs(run_ids)
    query = (
        select(ends.c.id, func.sum(Point.value))
        .join(Point, Point.run_id == ends.c.id)
        .where(Point.name == name, Point.step <= ends.c.last)
        .group_by(ends.c.id, ends.c.last)
        .having(func.count(Point.value) == ends.c.last)
    )
    return dict(session.execute(query).all())  # pyright: ignore


def reached(session: Session, run_ids: Collection[int], target: float) -> dict[int, Reached]:
    """Return when each run first had a test accuracy of `target` or more; without those that never had."""
    ends = _last_epochs(run_ids)
    first = (
        select(Point.run_id, func.min(Point.step).label("step"))
        .join(ends, ends.c.id == Point.run_id)
        .where(Point.name == "test_acc", Point.value >= target, Point.step <= ends.c.last)
        .group_by(Point.run_id)
        .subquery()
    )
    time = aliased(Point)
    query = (
        select(first.c.run_id, first.c.step, func.count(time.value), func.sum(time.value))
        .outerjoin(
            time,
            and_(time.run_id == first.c.run_id, time.name == "epoch_seconds", time.step <= first.c.step),
        )
        .group_by(first.c.run_id, first.c.step)
    )
    return {
        run_id: Reached(epoch, seconds if known == epoch else None)
        for run_id, epoch, known, seconds in session.execute(query)
    }


def device_types(session: Session, run_ids: Collection[int]) -> dict[int, str]:
    """Return what the newest attempt of each run trained on, "cuda" or "cpu", of those that have told it."""
    newest = (
        select(Attempt.run_id, func.max(Attempt.number).label("number"))
        .where(Attempt.run_id.in_(run_ids), Attempt.environment.is_not(None))
        .group_by(Attempt.run_id)
        .subquery()
    )
    query = select(Attempt.run_id, Attempt.environment["device"].as_string()).join(
        newest, and_(newest.c.run_id == Attempt.run_id, newest.c.number == Attempt.number)
    )
    return {run_id: device for run_id, device in session.execute(query) if device is not None}


@dataclass(frozen=True)
class Written:
    """The values of a metric at epochs 1, 2, 3 ... as the text of a JSON list."""

    text: str


def written_curves(session: Session, run_ids: Collection[int], name: str, most: int) -> dict[int, Written]:
    """Return the curves of at most `most` points that have a number for each epoch from the first on, written by the database.

    It writes every digit, and several times as fast as rows are read and written here.
    """
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    # In the order of the primary key, (run, name, step); older versions of SQLite know no ORDER BY within.
    ordered = (
        select(Point.run_id, Point.step, Point.value)
        .where(Point.run_id.in_(run_ids), Point.name == name)
        .order_by(Point.run_id, Point.step)
        .subquery()
    )
    value, step = ordered.c.value, ordered.c.step
    if is_sqlite:
        text = func.group_concat(func.printf("%!.17g", value))
    else:
        text = func.string_agg(cast(value, sql_types.Text), aggregate_order_by(literal_column("','"), step))
    query = (
        select(ordered.c.run_id, text)
        .group_by(ordered.c.run_id)
        .having(func.count(value) == func.max(step), func.count() == func.max(step), func.count() <= most)
    )
    return {run_id: Written(f"[{values}]") for run_id, values in session.connection().execute(query)}


def curves_of(session: Session, run_ids: Collection[int], name: str) -> dict[int, Series]:
    """Return one metric of many runs, each in the order of epochs."""
    # Rows of the connection: those of the session cost as much again, and there may be hundreds of thousands.
    query = (
        select(Point.run_id, Point.epoch, Point.value, Point.nonfinite)
        .where(Point.run_id.in_(run_ids), Point.name == name)
        .order_by(Point.run_id, Point.step)
    )
    found: dict[int, Series] = {}
    result = session.connection().execute(query)
    for rows in result.partitions(ROWS_AT_ONCE):
        for run_id, epoch, value, word in rows:
            series = found.get(run_id)
            if series is None:
                series = found[run_id] = Series()
            series.epochs.append(epoch)
            series.values.append(value)
            if word is not None:
                series.nonfinite[epoch] = word
    return found
