"""Reading runs, for lists and pages."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session, aliased, defer
from sqlalchemy.sql.expression import ColumnElement

from backend.contract import OWNED, RunState
from backend.errors import NotFound
from backend.store import queue_order, searching
from backend.store.families import Relative, has_changed
from backend.store.tables import Attempt, Experiment, Recipe, Run


@dataclass(frozen=True)
class RunRow:
    """A run with what a list shows beside it."""

    run: Run
    recipe_hash: str
    experiment: str | None
    parent: Relative | None
    parent_changed: bool
    """Whether the parent's checkpoint is no longer the one that this run began on."""


def get(session: Session, run_id: int) -> RunRow:
    """Return one run.

    Raises:
        NotFound: there is none, or it lies in the trash.
    """
    row = session.execute(_rows().where(Run.id == run_id)).one_or_none()
    if row is None:
        raise NotFound("run", run_id)
    return _run_row(row)


def page(
    session: Session,
    *,
    limit: int,
    before: int | None = None,
    state: str | None = None,
    words: Sequence[str] = (),
    found: ColumnElement[bool] | None = None,
) -> list[RunRow]:
    """Return the newest runs older than `before`; with `words` those in which each word is found.

    `found` is of `findings.is_of`: with it, those of which something was found.
    """
    query = _rows().order_by(Run.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Run.id < before)
    if state is not None:
        query = query.where(Run.state == state)
    if found is not None:
        query = query.where(found)
    if words:
        texts = searching.texts()
        query = query.join(texts, texts.c.id == Run.id)
        query = query.where(*(searching.has(texts, word) for word in words))
    return [_run_row(row) for row in session.execute(query)]


def by_ids(session: Session, run_ids: Collection[int]) -> list[RunRow]:
    """Return those of these runs that are there, the newest first."""
    query = _rows().where(Run.id.in_(run_ids)).order_by(Run.id.desc())
    return [_run_row(row) for row in session.execute(query)]


def attempts(session: Session, run_id: int) -> Sequence[Attempt]:
    """Return the attempts of a run, the first one first, without the curves set aside in them."""
    query = select(Attempt).where(Attempt.run_id == run_id).order_by(Attempt.number)
    return session.scalars(query.options(defer(Attempt.points))).all()


def seconds_in_attempts(session: Session, run_ids: Collection[int], now: float) -> dict[int, float]:
    """Return how long each of these that was begun has been in the hands of workers, up to `now`."""
    lasted = func.coalesce(Attempt.ended_at, now) - Attempt.started_at
    query = (
        select(Attempt.run_id, func.sum(lasted)).where(Attempt.run_id.in_(run_ids)).group_by(Attempt.run_id)
    )
    return {run_id: max(0.0, seconds) for run_id, seconds in session.execute(query)}


def attempts_with_points(session: Session, run_id: int) -> set[int]:
    """Return the numbers of the attempts that hold curves which a retry set aside."""
    query = select(Attempt.number).where(Attempt.run_id == run_id, Attempt.points.is_not(None))
    return set(session.scalars(query))


def ahead_in_queue(session: Session, run_ids: list[int]) -> dict[int, int]:
    """Return, for each of these that is queued, how many queued runs will be claimed before it."""
    if not run_ids:
        return {}
    place = func.row_number().over(order_by=queue_order.ORDER) - 1
    queue = (
        select(Run.id, place.label("ahead"))
        .where(Run.state == RunState.QUEUED, Run.deleted_at.is_(None))
        .subquery()
    )
    found = session.execute(select(queue.c.id, queue.c.ahead).where(queue.c.id.in_(run_ids)))
    return dict(found.all())  # pyright: ignore


def owned(session: Session) -> Sequence[Run]:
    """Return the runs that some worker owns now."""
    return session.scalars(select(Run).where(Run.state.in_(OWNED)).order_by(Run.id)).all()


def claimable(session: Session, now: float) -> int:
    """Return how many runs could be claimed at this time; none while the queue is paused."""
    if queue_order.paused_at(session) is not None:
        return 0
    return session.execute(
        select(func.count()).where(
            Run.state == RunState.QUEUED, Run.not_before <= now, Run.deleted_at.is_(None)
        )
    ).scalar_one()


def _rows():
    parent = aliased(Run)
    return (
        select(Run, Recipe.hash, Experiment.name, parent.id, parent.name, parent.state, parent.checkpoint)
        .join(Recipe, Recipe.id == Run.recipe_id)
        .outerjoin(Experiment, Experiment.id == Run.experiment_id)
        .outerjoin(parent, parent.id == Run.parent_run_id)
        .where(Run.deleted_at.is_(None))
    )


def _run_row(row: Row[*tuple[Any, ...]]) -> RunRow:
    run, recipe_hash, experiment, parent_id, name, state, checkpoint = row
    if parent_id is None:
        return RunRow(run, recipe_hash, experiment, None, parent_changed=False)
    parent = Relative(parent_id, name, state)
    return RunRow(run, recipe_hash, experiment, parent, has_changed(run.parent_sha256, checkpoint))
