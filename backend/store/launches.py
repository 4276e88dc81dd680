"""Accepting a launch: the launch, its experiment, its recipes, its runs and their events, all or nothing."""

from dataclasses import dataclass, field

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.contract import EventKind, RunState
from backend.errors import IdempotencyConflict
from backend.spec import Spec
from backend.store import clock, events
from backend.store.tables import Experiment, Launch, Recipe, Run


@dataclass(frozen=True)
class NewRun:
    """One run to be stored."""

    spec: Spec
    name: str
    preset: str | None = None
    size: str | None = None


@dataclass(frozen=True)
class AcceptedLaunch:
    """`repeated` says that this very request had been accepted before."""

    id: int
    experiment_id: int | None
    run_ids: list[int] = field(default_factory=list)
    repeated: bool = False


def accept(
    session: Session,
    runs: list[NewRun],
    *,
    body_sha256: str,
    idempotency_key: str | None = None,
    experiment: str | None = None,
) -> AcceptedLaunch:
    """Store a launch once; the same key and body again return what was stored then.

    Raises:
        IdempotencyConflict: the key was used with another body.
    """
    known = _known(session, idempotency_key, body_sha256)
    if known is not None:
        return known
    try:
        # Two requests with one key at the same moment: the second meets the unique key here. The
        # savepoint keeps its transaction usable on Postgres.
        with session.begin_nested():
            launch_id, experiment_id = _insert_launch(session, idempotency_key, body_sha256, experiment)
    except IntegrityError:
        known = _known(session, idempotency_key, body_sha256)
        if known is None:
            raise
        return known
    recipes: dict[str, int] = {}
    ids = []
    for run in runs:
        digest = run.spec.recipe_hash()
        if digest not in recipes:
            recipes[digest] = _recipe_id(session, run.spec, digest)
        ids.append(_insert_run(session, run, recipes[digest], launch_id, experiment_id))
    for run_id in ids:
        events.record(
            session,
            run_id,
            EventKind.STATE,
            {"state": RunState.QUEUED, "reason": None, "detail": None, "attempt": 0},
        )
    return AcceptedLaunch(launch_id, experiment_id, ids)


def _known(session: Session, key: str | None, body_sha256: str) -> AcceptedLaunch | None:
    if key is None:
        return None
    launch = session.execute(select(Launch).where(Launch.idempotency_key == key)).scalar_one_or_none()
    if launch is None:
        return None
    if launch.body_sha256 != body_sha256:
        raise IdempotencyConflict(key)
    ids = session.scalars(select(Run.id).where(Run.launch_id == launch.id).order_by(Run.id)).all()
    return AcceptedLaunch(launch.id, launch.experiment_id, list(ids), repeated=True)


def _insert_launch(
    session: Session, key: str | None, body_sha256: str, experiment: str | None
) -> tuple[int, int | None]:
    experiment_id = None
    if experiment:
        experiment_id = session.execute(
            insert(Experiment).values(name=experiment, notes="").returning(Experiment.id)
        ).scalar_one()
    launch_id = session.execute(
        insert(Launch)
        .values(
            idempotency_key=key,
            body_sha256=body_sha256,
            experiment_id=experiment_id,
            at=clock.now(session),
        )
        .returning(Launch.id)
    ).scalar_one()
    return launch_id, experiment_id


def _insert_run(
    session: Session, run: NewRun, recipe_id: int, launch_id: int, experiment_id: int | None
) -> int:
    return session.execute(
        insert(Run)
        .values(
            recipe_id=recipe_id,
            launch_id=launch_id,
            experiment_id=experiment_id,
            seed=run.spec.seed,
            epochs=run.spec.epochs,
            spec=run.spec.model_dump(mode="json"),
            name=run.name,
            preset=run.preset,
            size=run.size,
            state=RunState.QUEUED,
            created_at=clock.now(session),
        )
        .returning(Run.id)
    ).scalar_one()


def _recipe_id(session: Session, spec: Spec, digest: str) -> int:
    find = select(Recipe.id).where(Recipe.hash == digest)
    found = session.execute(find).scalar_one_or_none()
    if found is not None:
        return found
    try:
        with session.begin_nested():
            return session.execute(
                insert(Recipe).values(hash=digest, spec=spec.recipe()).returning(Recipe.id)
            ).scalar_one()
    except IntegrityError:  # another launch stored it in this moment
        return session.execute(find).scalar_one()


def count_by_state(session: Session) -> dict[str, int]:
    """Return how many runs are in each state, every state named."""
    query = select(Run.state, func.count()).where(Run.deleted_at.is_(None)).group_by(Run.state)
    found = dict(session.execute(query).all())
    return {str(state): found.get(state, 0) for state in RunState}
