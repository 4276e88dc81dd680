"""Series of many values, by step of a run or by second of an attempt, as packed chunks. NaN and infinities are values.

Whoever appends has proved in the same transaction that the attempt owns the run (`attempts.renew`). Chunks end where
checkpoints are made, so that a rewind deletes whole ones.
"""

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import ColumnElement

from backend.contract import DENSE_SERIES
from backend.store.tables import Chunk

_INSERTS = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}

_A_FEW_AT_ONCE = {"yield_per": 20}
"""Chunks that are in memory together."""

BY_STEP = tuple(one.name for one in DENSE_SERIES.values() if one.by == "step")


@dataclass(frozen=True)
class Dense:
    """Values with their positions: steps from 1, or seconds since the attempt began."""

    positions: Sequence[float] = field(default_factory=lambda: array("d"))
    values: Sequence[float] = field(default_factory=lambda: array("d"))


@dataclass(frozen=True)
class StepPiece:
    """What one chunk holds of a series of steps."""

    positions: range
    values: Sequence[float]


@dataclass(frozen=True)
class Length:
    """How many values there are of a series; `attempt` is None where it goes on over all attempts."""

    name: str
    attempt: int | None
    count: int


@dataclass(frozen=True)
class Samples:
    """Values by second that one attempt appends. `first` counts those of the attempt before them."""

    first: int
    seconds: Sequence[float]
    values: Sequence[float]


def append_steps(
    session: Session, run_id: int, attempt: int, first_step: int, series: Mapping[str, Sequence[float]]
) -> None:
    """Store the values of `first_step` and the steps after it, by name; what is there already stays."""
    rows = [_row(run_id, name, attempt, first_step, values) for name, values in series.items()]
    _insert(session, rows)


def append_samples(session: Session, run_id: int, attempt: int, series: Mapping[str, Samples]) -> None:
    """Store samples by name; what is there already stays."""
    rows = [_row(run_id, name, attempt, one.first, one.values, one.seconds) for name, one in series.items()]
    _insert(session, rows)


def delete_steps_after(session: Session, run_id: int, global_step: int) -> None:
    """Forget the steps after one. What was sampled by second was seen all the same, and stays."""
    later = (Chunk.run_id == run_id, Chunk.name.in_(BY_STEP), Chunk.first > global_step)
    session.execute(delete(Chunk).where(*later))


def delete_all(session: Session, run_id: int) -> None:
    """Forget all series of a run, of all its attempts."""
    session.execute(delete(Chunk).where(Chunk.run_id == run_id))


def lengths(session: Session, run_id: int) -> list[Length]:
    """Return what a run has, in the order of DENSE_SERIES: one a series of steps, one an attempt and series by second."""
    query = (
        select(Chunk.name, Chunk.attempt, func.sum(Chunk.count))
        .where(Chunk.run_id == run_id)
        .group_by(Chunk.name, Chunk.attempt)
        .order_by(Chunk.attempt)
    )
    found: dict[tuple[str, int | None], int] = {}
    for name, attempt, count in session.execute(query):
        key = (name, None if name in BY_STEP else attempt)
        found[key] = found.get(key, 0) + int(count)
    order = list(DENSE_SERIES)
    return [
        Length(name, attempt, count)
        for (name, attempt), count in sorted(found.items(), key=lambda one: order.index(one[0][0]))
    ]


def read_steps(
    session: Session, run_id: int, name: str, first: int | None = None, last: int | None = None
) -> Dense:
    """Return a series of steps over all attempts, or the part from step `first` to step `last`."""
    steps: range | array[int] = range(0)
    values = array("d")
    for piece in step_pieces(session, run_id, name, first, last):
        steps = _followed(steps, piece.positions)
        values.extend(piece.values)
    return Dense(steps, values)


def step_pieces(
    session: Session, run_id: int, name: str, first: int | None = None, last: int | None = None
) -> Iterator[StepPiece]:
    """Yield what `read_steps` returns, chunk by chunk: whoever thins it never holds much more than one."""
    query = select(Chunk.first, Chunk.values).where(_of_steps(run_id, name, first, last))
    for begins, packed in session.execute(query.order_by(Chunk.first), execution_options=_A_FEW_AT_ONCE):
        values = _unpacked(packed)
        low, high = _within(begins, len(values), first, last)
        yield StepPiece(range(begins + low, begins + high), values[low:high])


def count_steps(
    session: Session, run_id: int, name: str, first: int | None = None, last: int | None = None
) -> int:
    """Return how many values `read_steps` would."""
    if first is None and last is None:
        total = select(func.sum(Chunk.count)).where(Chunk.run_id == run_id, Chunk.name == name)
        return int(session.execute(total).scalar_one() or 0)
    query = select(Chunk.first, Chunk.count).where(_of_steps(run_id, name, first, last))
    places = (_within(begins, count, first, last) for begins, count in session.execute(query))
    return sum(max(0, high - low) for low, high in places)


def read_samples(
    session: Session,
    run_id: int,
    name: str,
    attempt: int,
    first: float | None = None,
    last: float | None = None,
) -> Dense:
    """Return a series by second of one attempt, or the part from second `first` to second `last`."""
    seconds, values = array("d"), array("d")
    for piece in sample_pieces(session, run_id, name, attempt, first, last):
        seconds.extend(piece.positions)
        values.extend(piece.values)
    return Dense(seconds, values)


def sample_pieces(
    session: Session,
    run_id: int,
    name: str,
    attempt: int,
    first: float | None = None,
    last: float | None = None,
) -> Iterator[Dense]:
    """Yield what `read_samples` returns, chunk by chunk."""
    query = select(Chunk.positions, Chunk.values).where(_of_samples(run_id, name, attempt))
    for positions, packed in session.execute(query.order_by(Chunk.first), execution_options=_A_FEW_AT_ONCE):
        assert positions is not None, "a series by second has its seconds"
        seconds = _unpacked(positions)
        low, high = _between(seconds, first, last)
        yield Dense(seconds[low:high], _unpacked(packed)[low:high])


def count_samples(
    session: Session,
    run_id: int,
    name: str,
    attempt: int,
    first: float | None = None,
    last: float | None = None,
) -> int:
    """Return how many values `read_samples` would."""
    if first is None and last is None:
        total = select(func.sum(Chunk.count)).where(_of_samples(run_id, name, attempt))
        return int(session.execute(total).scalar_one() or 0)
    query = select(Chunk.positions).where(_of_samples(run_id, name, attempt))
    found = session.execute(query, execution_options=_A_FEW_AT_ONCE).scalars()
    places = (_between(_unpacked(positions), first, last) for positions in found if positions is not None)
    return sum(high - low for low, high in places)


def newest_attempt(session: Session, run_id: int, name: str) -> int | None:
    """Return the last attempt that has values of a series; None where none has."""
    query = select(func.max(Chunk.attempt)).where(Chunk.run_id == run_id, Chunk.name == name)
    return session.execute(query).scalar_one()


def _of_steps(run_id: int, name: str, first: int | None, last: int | None) -> ColumnElement[bool]:
    conditions = [Chunk.run_id == run_id, Chunk.name == name]
    if first is not None:
        conditions.append(Chunk.first + Chunk.count > first)
    if last is not None:
        conditions.append(Chunk.first <= last)
    return and_(*conditions)


def _of_samples(run_id: int, name: str, attempt: int) -> ColumnElement[bool]:
    return and_(Chunk.run_id == run_id, Chunk.name == name, Chunk.attempt == attempt)


def _within(begins: int, count: int, first: int | None, last: int | None) -> tuple[int, int]:
    """Return from which to before which of its places a chunk of steps lies between `first` and `last`."""
    low = 0 if first is None else max(0, first - begins)
    return low, count if last is None else min(count, last + 1 - begins)


def _between(seconds: Sequence[float], first: float | None, last: float | None) -> tuple[int, int]:
    """Return from which to before which place seconds, which rise, lie between `first` and `last`."""
    low = 0 if first is None else bisect_left(seconds, first)
    return low, len(seconds) if last is None else max(low, bisect_right(seconds, last))


def _followed(steps: "range | array[int]", more: range) -> "range | array[int]":
    """Return steps and those after them: a plain range as long as there is no gap."""
    if isinstance(steps, range):
        if not steps or steps.stop == more.start:
            return range(steps.start if steps else more.start, more.stop)
        steps = array("q", steps)
    steps.extend(more)
    return steps


def _row(
    run_id: int,
    name: str,
    attempt: int,
    first: int,
    values: Sequence[float],
    seconds: Sequence[float] | None = None,
) -> dict[str, Any]:
    assert (DENSE_SERIES[name].by == "step") == (seconds is None), name
    assert seconds is None or len(seconds) == len(values), (len(seconds), len(values))
    return {
        "run_id": run_id,
        "name": name,
        "attempt": attempt,
        "first": first,
        "count": len(values),
        "positions": None if seconds is None else _packed(seconds),
        "values": _packed(values),
    }


def _insert(session: Session, rows: list[dict[str, Any]]) -> None:
    rows = [row for row in rows if row["count"]]
    if rows:
        # Told already where the answer to that commit was lost on the way.
        upsert = _INSERTS[session.get_bind().dialect.name](Chunk.__table__)
        session.execute(upsert.on_conflict_do_nothing(), rows)


def _packed(values: Sequence[float]) -> bytes:
    return _little_endian(array("d", values)).tobytes()


def _unpacked(packed: bytes) -> "array[float]":
    values = array("d")
    values.frombytes(packed)
    return _little_endian(values)


def _little_endian(values: "array[float]") -> "array[float]":
    if sys.byteorder == "big":
        values.byteswap()
    return values
