"""Accepting a launch: the launch, its experiment, its recipes, its runs and their events, all or nothing.

A run that starts from another's training finds that one here: a run of the parent's recipe and seed that is
completed or on its way; else the launch brings it along.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.contract import EventKind, RunState
from backend.errors import IdempotencyConflict, InvalidSpec
from backend.spec import Spec
from backend.store import clock, events, families
from backend.store.tables import Experiment, Launch, Recipe, Run


@dataclass(frozen=True)
class NewRun:
    """One run to be stored; `parent` is launched with it where no run of its recipe and seed is there."""

    spec: Spec
    name: str
    preset: str | None = None
    size: str | None = None
    parent: "NewRun | None" = None


@dataclass(frozen=True)
class AcceptedLaunch:
    """`run_ids` are the runs that were asked for, `parent_ids` those that came along.

    `repeated` says that this very request had been accepted before: then all stand in `run_ids`.
    """

    id: int
    experiment_id: int | None
    run_ids: list[int] = field(default_factory=list)
    parent_ids: list[int] = field(default_factory=list)
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
    earlier = known(session, idempotency_key, body_sha256)
    if earlier is not None:
        return earlier
    try:
        # Two requests with one key at the same moment: the second meets the unique key here. The
        # savepoint keeps its transaction usable on Postgres.
        with session.begin_nested():
            launch_id, experiment_id = _insert_launch(session, idempotency_key, body_sha256, experiment)
    except IntegrityError:
        earlier = known(session, idempotency_key, body_sha256)
        if earlier is None:
            raise
        return earlier
    storing = _Storing(session, launch_id, experiment_id)
    ids = [storing.store(run) for run in runs]
    # The state of a parent may have changed between the look at it and now.
    families.settle(session, storing.waiting)
    return AcceptedLaunch(launch_id, experiment_id, ids, storing.parent_ids)


class _Storing:
    """The rows of one launch in the making; a parent that several of its runs share is stored once."""

    def __init__(self, session: Session, launch_id: int, experiment_id: int | None) -> None:
        self._session = session
        self._launch_id = launch_id
        self._experiment_id = experiment_id
        self._recipes: dict[str, int] = {}
        self._stored: dict[tuple[str, int], int] = {}
        self.parent_ids: list[int] = []
        self.waiting: list[int] = []

    def store(self, run: NewRun) -> int:
        """Store a run, and before it the parent that it needs and that is not there yet."""
        parent_id = self._parent_of(run)
        digest = run.spec.recipe_hash()
        if digest not in self._recipes:
            self._recipes[digest] = _recipe_id(self._session, run.spec, digest)
        state = RunState.QUEUED if parent_id is None else RunState.WAITING
        run_id = _insert_run(
            self._session, run, self._recipes[digest], self._launch_id, self._experiment_id, parent_id, state
        )
        if parent_id is not None:
            self.waiting.append(run_id)
        self._stored[digest, run.spec.seed] = run_id
        payload = {"state": state, "reason": None, "detail": None, "attempt": 0}
        events.record(self._session, run_id, EventKind.STATE, payload)
        return run_id

    def _parent_of(self, run: NewRun) -> int | None:
        weights = run.spec.weights
        if weights.source != "parent":
            return None
        assert weights.parent
        seed = run.spec.parent_seed()
        known = self._stored.get((weights.parent, seed)) or usable_run(self._session, weights.parent, seed)
        if known is not None:
            return known
        if run.parent is None:
            raise InvalidSpec(
                f"No run of the recipe {weights.parent[:12]} with seed {seed} is completed or on its way: "
                "launch or retry it first."
            )
        made = self.store(run.parent)
        self.parent_ids.append(made)
        return made


def missing(session: Session, runs: Iterable[NewRun]) -> list[NewRun]:
    """Return those of the runs of which none with the same recipe and seed is completed or on its way."""
    return [run for run in runs if usable_run(session, run.spec.recipe_hash(), run.spec.seed) is None]


def usable_run(session: Session, recipe_hash: str, seed: int) -> int | None:
    """Return the run of a recipe and seed that another may start from: a completed one, else one on its way."""
    return session.scalars(
        select(Run.id)
        .join(Recipe, Recipe.id == Run.recipe_id)
        .where(
            Recipe.hash == recipe_hash,
            Run.seed == seed,
            Run.deleted_at.is_(None),
            Run.state.not_in((RunState.FAILED, RunState.CANCELLED, RunState.CANCELLING)),
        )
        .order_by(Run.state != RunState.COMPLETED, Run.id.desc())
        .limit(1)
        # Held until the child is stored: it must not be deleted in between.
        .with_for_update(read=True, of=Run)
    ).one_or_none()


def known(session: Session, key: str | None, body_sha256: str) -> AcceptedLaunch | None:
    """Return what a request with this key was answered with before; None where there was none.

    Raises:
        IdempotencyConflict: the key was used with another body.
    """
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
    session: Session,
    run: NewRun,
    recipe_id: int,
    launch_id: int,
    experiment_id: int | None,
    parent_id: int | None,
    state: RunState,
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
            state=state,
            parent_run_id=parent_id,
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
