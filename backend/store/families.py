"""Parents and children: a run that starts from another's training waits for it.

Whoever ends a run calls `pass_on` in the same transaction. Row locks are taken from parents to children, each
time, and among children by their ids, so that two transactions in one family wait for one another in that order
and never in a circle.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, select, update
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.expression import ColumnElement

from backend.contract import FINAL, Reason, RunState
from backend.store import clock, events
from backend.store.tables import Run

UNFINISHED = (RunState.FAILED, RunState.CANCELLED)
"""States that a run is left in without the weights that its children wait for."""


@dataclass(frozen=True)
class ParentRun:
    """The run that a claimed one starts from. `checkpoint` points to its weights: epoch, name, sha256."""

    run_id: int
    name: str
    checkpoint: dict[str, Any]
    seed: int
    changed: bool
    """Whether the checkpoint is no longer the one that the child began on."""


@dataclass(frozen=True)
class Relative:
    """A parent or a child, as a page names it."""

    run_id: int
    name: str
    state: str

    def __str__(self) -> str:
        return f"run {self.run_id} ({self.name})"

    @property
    def ended(self) -> str:
        """How it ended, as a verb, where it ended without weights."""
        assert self.state in UNFINISHED
        return "was cancelled" if self.state == RunState.CANCELLED else "failed"


@dataclass(frozen=True)
class Sibling(Relative):
    """Another run of the same recipe."""

    seed: int


def pass_on(session: Session, run_id: int) -> int:
    """Carry the end of a run on to those that wait for it; return how many moved. Nothing, where it is not over.

    Completed: they are queued. Failed or cancelled: they fail, and so do those that wait for them.
    """
    parent = _relative(session, select(Run.id, Run.name, Run.state).where(Run.id == run_id))
    if parent is None:
        return 0
    if parent.state == RunState.COMPLETED:
        return len(_release(session, parent))
    if parent.state in UNFINISHED:
        children = _fail(session, parent)
        return len(children) + sum(pass_on(session, child) for child in children)
    return 0


def settle(session: Session, run_ids: Iterable[int]) -> int:
    """Move those of these runs that wait for a parent which is over; return how many runs that moved.

    Call it after the runs were stored as waiting, in the same transaction. The lock on the parents lets none
    of them end unnoticed: one that ends before is seen here, one that ends later sees its new children.
    """
    child = aliased(Run)
    waited_for = select(child.parent_run_id).where(
        child.id.in_(list(run_ids)), child.state == RunState.WAITING
    )
    held = select(Run.id).where(Run.id.in_(waited_for)).order_by(Run.id).with_for_update(read=True)
    return sum(pass_on(session, parent_id) for parent_id in session.scalars(held).all())


def release_ready(session: Session) -> int:
    """Move every run that waits for a parent which is over; return how many.

    There is none as long as each end is passed on; a run that waited for ever would be the worst to find.
    """
    parent = aliased(Run)
    forgotten = (
        select(Run.id)
        .join(parent, parent.id == Run.parent_run_id)
        .where(Run.state == RunState.WAITING, parent.state.in_(FINAL))
    )
    stuck = session.scalars(forgotten).all()
    return settle(session, stuck) if stuck else 0


def hold_parent(session: Session, run_id: int) -> Relative | None:
    """Return the parent of a run; until the transaction ends it stays in its state."""
    child = aliased(Run)
    parent_id = select(child.parent_run_id).where(child.id == run_id).scalar_subquery()
    query = select(Run.id, Run.name, Run.state).where(Run.id == parent_id)
    return _relative(session, query.with_for_update(read=True))


def wait_again(session: Session, parent_id: int) -> list[int]:
    """Let the children that failed with a run wait for it again, and so on down; return their ids.

    The run itself was put back in this transaction.
    """
    failed = and_(Run.state == RunState.FAILED, Run.reason == Reason.PARENT_FAILED)
    moved = session.execute(
        update(Run)
        .where(Run.id.in_(_held_children(session, parent_id, failed)), failed)
        .values(state=RunState.WAITING, reason=None, detail=None, finished_at=None)
        .returning(Run.id, Run.attempt)
    ).all()
    found = []
    for run_id, attempt in sorted(moved):
        events.record_state(session, run_id, RunState.WAITING, attempt=attempt)
        found += [run_id, *wait_again(session, run_id)]
    return found


def begin_on_parent(session: Session, run_id: int, *, anew: bool) -> ParentRun | None:
    """Return what a run that was claimed in this transaction starts from; None where that is gone.

    `anew` is false for one that goes on from a checkpoint of its own: what it began on stays on record.
    """
    child = aliased(Run)
    row = session.execute(
        select(Run.id, Run.name, Run.checkpoint, Run.seed, child.parent_sha256)
        .join(child, child.parent_run_id == Run.id)
        .where(child.id == run_id, Run.deleted_at.is_(None))
    ).one_or_none()
    if row is None or row.checkpoint is None:
        return None
    if anew:
        began_on = update(Run).where(Run.id == run_id).values(parent_sha256=row.checkpoint["sha256"])
        session.execute(began_on)
    changed = not anew and has_changed(row.parent_sha256, row.checkpoint)
    return ParentRun(row.id, row.name, row.checkpoint, row.seed, changed)


def has_changed(began_on: str | None, checkpoint: dict[str, Any] | None) -> bool:
    """Return whether a parent's checkpoint is another than the one that its child began on."""
    # A completed run is never trained again: only a store that was restored or edited comes to this.
    return began_on is not None and (checkpoint is None or checkpoint["sha256"] != began_on)


def children(session: Session, run_id: int) -> list[Relative]:
    """Return the runs that start from a run, the oldest first."""
    query = select(Run.id, Run.name, Run.state).where(Run.parent_run_id == run_id, Run.deleted_at.is_(None))
    return [Relative(*row) for row in session.execute(query.order_by(Run.id))]


def siblings(session: Session, run_id: int, most: int) -> list[Sibling]:
    """Return the newest other runs of a run's recipe, `most` at most, by seed."""
    recipe_id = select(Run.recipe_id).where(Run.id == run_id).scalar_subquery()
    query = (
        select(Run.id, Run.name, Run.state, Run.seed)
        .where(Run.recipe_id == recipe_id, Run.id != run_id, Run.deleted_at.is_(None))
        .order_by(Run.id.desc())
        .limit(most)
    )
    found = [Sibling(*row) for row in session.execute(query)]
    return sorted(found, key=lambda one: (one.seed, one.run_id))


def _relative(session: Session, query: Select[int, str, str]) -> Relative | None:
    row = session.execute(query).one_or_none()
    return None if row is None else Relative(*row)


def _held_children(session: Session, parent_id: int, which: ColumnElement[bool]) -> list[int]:
    """Return those of a run's children, locked in the order of their ids: an UPDATE takes them as it finds them."""
    query = select(Run.id).where(Run.parent_run_id == parent_id, which).order_by(Run.id)
    return list(session.scalars(query.with_for_update()))


def _release(session: Session, parent: Relative) -> list[int]:
    waiting = Run.state == RunState.WAITING
    moved = session.execute(
        update(Run)
        .where(Run.id.in_(_held_children(session, parent.run_id, waiting)), waiting)
        .values(state=RunState.QUEUED)
        .returning(Run.id, Run.attempt)
    ).all()
    for run_id, attempt in sorted(moved):
        events.record_state(session, run_id, RunState.QUEUED, attempt=attempt)
    return [run_id for run_id, _ in moved]


def _fail(session: Session, parent: Relative) -> list[int]:
    """Fail the children that wait for a run which ended without weights; return their ids."""
    detail = f"Run {parent.run_id} ({parent.name}) {parent.ended}."
    waiting = Run.state == RunState.WAITING
    moved = session.execute(
        update(Run)
        .where(Run.id.in_(_held_children(session, parent.run_id, waiting)), waiting)
        .values(
            state=RunState.FAILED,
            reason=Reason.PARENT_FAILED,
            detail=detail,
            finished_at=clock.now(session),
        )
        .returning(Run.id, Run.attempt)
    ).all()
    for run_id, attempt in sorted(moved):
        events.record_state(session, run_id, RunState.FAILED, Reason.PARENT_FAILED, detail, attempt)
    return sorted(run_id for run_id, _ in moved)
