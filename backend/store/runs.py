"""Reading runs, for lists and pages."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.contract import OWNED, RunState
from backend.errors import NotFound
from backend.store.tables import Attempt, Experiment, Recipe, Run


@dataclass(frozen=True)
class RunRow:
    """A run with what a list shows beside it."""

    run: Run
    recipe_hash: str
    experiment: str | None


def get(session: Session, run_id: int) -> RunRow:
    """Return one run.

    Raises:
        NotFound: there is none, or it lies in the trash.
    """
    row = session.execute(_rows().where(Run.id == run_id)).one_or_none()
    if row is None:
        raise NotFound("run", run_id)
    return RunRow(*row)


def page(
    session: Session, *, limit: int, before: int | None = None, state: str | None = None
) -> list[RunRow]:
    """Return the newest runs older than `before`."""
    query = _rows().order_by(Run.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Run.id < before)
    if state is not None:
        query = query.where(Run.state == state)
    return [RunRow(*row) for row in session.execute(query)]


def attempts(session: Session, run_id: int) -> Sequence[Attempt]:
    """Return the attempts of a run, the first one first."""
    return session.scalars(select(Attempt).where(Attempt.run_id == run_id).order_by(Attempt.number)).all()


def ahead_in_queue(session: Session, run_ids: list[int]) -> dict[int, int]:
    """Return, for each of these that is queued, how many queued runs will be claimed before it."""
    if not run_ids:
        return {}
    place = func.row_number().over(order_by=(Run.priority.desc(), Run.id)) - 1
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
    """Return how many runs could be claimed at this time."""
    return session.execute(
        select(func.count()).where(
            Run.state == RunState.QUEUED, Run.not_before <= now, Run.deleted_at.is_(None)
        )
    ).scalar_one()


def _rows():
    return (
        select(Run, Recipe.hash, Experiment.name)
        .join(Recipe, Recipe.id == Run.recipe_id)
        .outerjoin(Experiment, Experiment.id == Run.experiment_id)
        .where(Run.deleted_at.is_(None))
    )
