"""Accepting a launch: the launch, its experiment, its recipes, its runs and their events, all or nothing.

A run that starts from another's training finds that one here: a run of the parent's recipe and seed that is
completed or on its way; else the launch brings it along.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.contract import EventKind, RunState
from backend.errors import IdempotencyConflict, InvalidSpec
from backend.spec import Spec
from backend.store import clock, events, families
from backend.store.tables import Experiment, Launch, Recipe, Run

LAUNCH_LOCK = 0x52756E7B  # beside those of migrate.py and events.py

UNUSABLE = (RunState.FAILED, RunState.CANCELLED, RunState.CANCELLING)
"""States of a run that will give no weights: a launch counts it as missing, and starts nothing from it."""

Key = tuple[str, int]
"""What a run is found by: the hash of its recipe, and its seed."""


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

    `reused` counts what was asked for and is there already. `repeated` says that this very request had been
    accepted before; all else is then as it was answered the first time.
    """

    id: int
    experiment_id: int | None
    run_ids: list[int] = field(default_factory=list)
    parent_ids: list[int] = field(default_factory=list)
    reused: int = 0
    repeated: bool = False


def accept(
    session: Session,
    runs: list[NewRun],
    *,
    body_sha256: str,
    idempotency_key: str | None = None,
    experiment: str | None = None,
    reused: int = 0,
) -> AcceptedLaunch:
    """Store a launch once; the same key and body again return what was stored then.

    Raises:
        IdempotencyConflict: the key was used with another body.
    """
    take_turn(session)
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
    answer = {"run_ids": ids, "parent_ids": storing.parent_ids, "reused": reused}
    session.execute(update(Launch).where(Launch.id == launch_id).values(answer=answer))
    return AcceptedLaunch(launch_id, experiment_id, **answer)


def take_turn(session: Session) -> None:
    """Let one launch at a time see what is there and store what is not; before the first look at it.

    Two at once would both find a parent missing, and train it twice. On SQLite writing transactions follow one
    another anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LAUNCH_LOCK})


class _Storing:
    """The rows of one launch in the making; a parent that several of its runs share is stored once."""

    def __init__(self, session: Session, launch_id: int, experiment_id: int | None) -> None:
        self._session = session
        self._launch_id = launch_id
        self._experiment_id = experiment_id
        self._recipes: dict[str, int] = {}
        self._stored: dict[Key, int] = {}
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
    runs = list(runs)
    there = _usable(session, {_key(run) for run in runs})
    return [run for run in runs if _key(run) not in there]


def without_parents_there(session: Session, runs: Iterable[NewRun]) -> list[NewRun]:
    """Return the runs with just the parents that a launch would bring along now."""
    runs = list(runs)
    there = _usable(session, {_key(one) for run in runs for one in _ancestors(run)})

    def stripped(run: NewRun) -> NewRun:
        if run.parent is None:
            return run
        return replace(run, parent=None if _key(run.parent) in there else stripped(run.parent))

    return [stripped(run) for run in runs]


def _ancestors(run: NewRun) -> Iterator[NewRun]:
    while run.parent is not None:
        run = run.parent
        yield run


def _key(run: NewRun) -> Key:
    return run.spec.recipe_hash(), run.spec.seed


def _usable(session: Session, keys: set[Key]) -> set[Key]:
    """Return those of the keys that `usable_run` finds a run for."""
    query = (
        select(Recipe.hash, Run.seed)
        .join(Run, Run.recipe_id == Recipe.id)
        .where(
            Recipe.hash.in_({recipe for recipe, _ in keys}),
            Run.seed.in_({seed for _, seed in keys}),
            Run.deleted_at.is_(None),
            Run.state.not_in(UNUSABLE),
        )
        .distinct()
    )
    return keys & {(recipe, seed) for recipe, seed in session.execute(query)}


def usable_run(session: Session, recipe_hash: str, seed: int) -> int | None:
    """Return the run of a recipe and seed that another may start from: a completed one, else one on its way."""
    return session.scalars(
        select(Run.id)
        .join(Recipe, Recipe.id == Run.recipe_id)
        .where(
            Recipe.hash == recipe_hash,
            Run.seed == seed,
            Run.deleted_at.is_(None),
            Run.state.not_in(UNUSABLE),
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
    answer = launch.answer or {"run_ids": _ids_of(session, launch.id)}
    return AcceptedLaunch(launch.id, launch.experiment_id, **answer, repeated=True)


def _ids_of(session: Session, launch_id: int) -> list[int]:
    """Return the runs of a launch from a version that knew no parents, and kept no answer."""
    return list(session.scalars(select(Run.id).where(Run.launch_id == launch_id).order_by(Run.id)))


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
