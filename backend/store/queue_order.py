"""The order of the queue: which run is claimed next, and how a person changes that.

Runs are claimed by priority, the highest first, and within a priority by place, the lowest first. A run that
nobody moved has its id for its place: then age decides. A moved one has a place between those of its neighbours,
below the next id that will be given: whatever is launched later stands behind it. A run keeps its place when its
priority changes, when its worker is lost and when it is retried: runs that were ordered by hand stay in that
order among each other.

Whoever pauses, drains or reorders holds the queue alone, and claims share it (`hold`): a claim sees the order
as it was before a change or as it is after it, and once a pause has been answered nothing is claimed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from sqlalchemy import Double, and_, case, cast, exists, func, not_, select, text, update
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.expression import ColumnElement

from backend.contract import RunState
from backend.errors import InvalidSpec, NotFound, RunStateConflict
from backend.store import clock
from backend.store.changes import changed
from backend.store.tables import Recipe, Run, Store, Worker

QUEUE_LOCK = 0x52756E7C  # beside those of migrate.py, launches.py and events.py

PENDING = (RunState.QUEUED, RunState.WAITING)
"""States of a run that has a place in the queue."""

LOWEST_PRIORITY, HIGHEST_PRIORITY = -1000, 1000

PLACE = func.coalesce(Run.place, cast(Run.id, Double))
ORDER = (Run.priority.desc(), PLACE, Run.id)
"""What every query of the queue is ordered by."""


@dataclass(frozen=True)
class Entry:
    """A run that stands in the queue, with what a list and a forecast need of it."""

    run_id: int
    name: str
    recipe_hash: str
    spec: dict[str, Any]
    """Of its recipe, one for all of its runs: the seed in it is that of any of them."""
    epochs: int
    seed: int
    state: str
    priority: int
    not_before: float
    losses: int
    """Workers that it lost since its last checkpoint."""
    reason: str | None
    """Why it came back into the queue, where it did."""
    checkpoint: dict[str, Any] | None
    parent_id: int | None
    parent_state: str | None


@dataclass(frozen=True)
class _Spot:
    run_id: int
    priority: int
    place: float


def hold(session: Session, *, shared: bool = False) -> None:
    """Hold the queue until the transaction ends, alone or `shared` with other claims; the first lock it takes.

    On SQLite writing transactions follow one another anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        lock = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        session.execute(text(f"SELECT {lock}(:key)"), {"key": QUEUE_LOCK})


def may_claim(worker_id: str) -> ColumnElement[bool]:
    """Return the condition that the queue flows and nobody asked this worker to take no more runs."""
    paused = exists().where(Store.paused_at.is_not(None))
    drained = exists().where(Worker.id == worker_id, Worker.drain_requested)
    return and_(not_(paused), not_(drained))


def fits(worker_id: str) -> ColumnElement[bool]:
    """Return the condition that a run needs no more devices than a worker holds."""
    held = select(Worker.devices).where(Worker.id == worker_id).scalar_subquery()
    # Either was one device before there were more.
    return func.coalesce(Run.spec["devices"].as_integer(), 1) <= func.coalesce(held, 1)


def pause(session: Session) -> bool:
    """Let nothing be claimed until `resume`; return False where that was so already."""
    hold(session)
    now = clock.now(session)
    return changed(session, update(Store).where(Store.paused_at.is_(None)).values(paused_at=now)) == 1


def resume(session: Session) -> bool:
    """Let runs be claimed again; return False where they were."""
    hold(session)
    return changed(session, update(Store).where(Store.paused_at.is_not(None)).values(paused_at=None)) == 1


def paused_at(session: Session) -> float | None:
    """Return since when the queue is paused; None while it flows."""
    return session.execute(select(Store.paused_at)).scalar_one()


def entries(session: Session) -> list[Entry]:
    """Return the runs in the queue, the next one first."""
    parent = aliased(Run)
    # A long queue has few recipes: a spec is read, and decoded, once for each of them.
    nth = func.row_number().over(partition_by=Run.recipe_id, order_by=Run.id)
    query = (
        select(
            Run.id,
            Run.name,
            Recipe.hash,
            case((nth == 1, Run.spec)),
            Run.epochs,
            Run.seed,
            Run.state,
            Run.priority,
            Run.not_before,
            Run.losses,
            Run.reason,
            Run.checkpoint,
            parent.id,
            parent.state,
        )
        .join(Recipe, Recipe.id == Run.recipe_id)
        .outerjoin(parent, parent.id == Run.parent_run_id)
        .where(Run.state.in_(PENDING), Run.deleted_at.is_(None))
        .order_by(*ORDER)
    )
    found = [Entry(*row) for row in session.execute(query)]
    specs = {entry.recipe_hash: entry.spec for entry in found if entry.spec is not None}
    return [replace(entry, spec=specs[entry.recipe_hash]) for entry in found]


def set_priority(session: Session, run_id: int, priority: int) -> None:
    """Give a run in the queue another priority, LOWEST_PRIORITY to HIGHEST_PRIORITY. Its place stays as it is.

    Raises:
        NotFound, RunStateConflict
    """
    hold(session)
    _put(session, run_id, priority=priority)


def move(session: Session, run_id: int, before: int | None) -> None:
    """Put a run directly before another, or at the end of the queue where `before` is None.

    Its priority changes no further than it must: to one that its new neighbours allow.

    Raises:
        NotFound, RunStateConflict: one of the two is not in the queue.
        InvalidSpec: it is to go before itself.
    """
    if before == run_id:
        raise InvalidSpec(f"before is {before}; it must be another run than the one that is moved.")
    hold(session)
    spots = _spots(session)
    order = [spot.run_id for spot in spots]
    for wanted in (run_id, before):
        if wanted is not None and wanted not in order:
            raise _not_in_the_queue(session, wanted)
    if [*order, None][order.index(run_id) + 1] == before:
        return
    ceiling = float(session.execute(select(func.max(Run.id))).scalar_one() + 1)
    found = _between(spots, run_id, before, ceiling)
    if found is None:
        spots = _renumbered(spots, ceiling)
        by_id = sorted(spots, key=lambda spot: spot.run_id)  # as everyone locks several rows
        session.execute(update(Run), [{"id": spot.run_id, "place": spot.place} for spot in by_id])
        found = _between(spots, run_id, before, ceiling)
        assert found is not None
    _put(session, run_id, priority=found.priority, place=found.place)


def _spots(session: Session) -> list[_Spot]:
    query = select(Run.id, Run.priority, PLACE).where(Run.state.in_(PENDING), Run.deleted_at.is_(None))
    return [_Spot(*row) for row in session.execute(query.order_by(*ORDER))]


def _put(session: Session, run_id: int, **values: float) -> None:
    in_queue = (Run.id == run_id, Run.state.in_(PENDING), Run.deleted_at.is_(None))
    if changed(session, update(Run).where(*in_queue).values(**values)) != 1:
        raise _not_in_the_queue(session, run_id)


def _not_in_the_queue(session: Session, run_id: int) -> NotFound | RunStateConflict:
    there = select(Run.state).where(Run.id == run_id, Run.deleted_at.is_(None))
    state = session.execute(there).scalar_one_or_none()
    return NotFound("run", run_id) if state is None else RunStateConflict(run_id, "queued or waiting", state)


def _between(spots: Sequence[_Spot], run_id: int, before: int | None, ceiling: float) -> _Spot | None:
    """Return where a run stands directly before another; None where two doubles have no room between them.

    `ceiling` is the next id that will be given: no place reaches it.
    """
    moved = next(spot for spot in spots if spot.run_id == run_id)
    others = [spot for spot in spots if spot.run_id != run_id]
    index = next((i for i, spot in enumerate(others) if spot.run_id == before), len(others))
    previous = others[index - 1] if index else _Spot(0, HIGHEST_PRIORITY, -inf)
    following = others[index] if index < len(others) else _Spot(0, LOWEST_PRIORITY, ceiling)
    priority = min(max(moved.priority, following.priority), previous.priority)
    low = previous.place if previous.priority == priority else -inf
    high = following.place if following.priority == priority else ceiling
    if low > -inf:
        place = low + (high - low) / 2
    elif high < ceiling:
        place = high - 1.0  # the first of its priority
    else:
        place = moved.place  # the only one
    return _Spot(run_id, priority, place) if low < place < high else None


def _renumbered(spots: Sequence[_Spot], ceiling: float) -> list[_Spot]:
    """Return the queue in its order, with room of at least 1 between two places and before `ceiling`."""
    start = min(ceiling - len(spots), *(spot.place for spot in spots))
    step = (ceiling - start) / len(spots)
    return [replace(spot, place=start + index * step) for index, spot in enumerate(spots)]
