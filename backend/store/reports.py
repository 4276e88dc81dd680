"""What a report shows: for each recipe and seed one run, with its curves, environment and last predictions.

A handful of queries for the whole report, however many runs it has.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from backend.contract import RunState
from backend.store import points
from backend.store.points import Series
from backend.store.tables import Attempt, Prediction, Recipe, Run, TestSet

Key = tuple[str, int]
"""Hash of a recipe, and a seed."""

METRICS = ("train_loss", "train_acc", "test_loss", "test_acc")

PRECEDENCE: tuple[tuple[str, ...], ...] = (
    (RunState.COMPLETED,),
    (RunState.RUNNING, RunState.QUEUED, RunState.WAITING),
    (RunState.CANCELLING,),
    (RunState.FAILED, RunState.CANCELLED),
)
"""Which of several runs of a recipe and seed is shown: the newest of the first group that has any."""


@dataclass(frozen=True)
class Predicted:
    """The last epoch's predictions and the truth, encoded as `backend.store.tables.TestSet.labels`."""

    epoch: int
    test_set: str
    names: list[str]
    labels: bytes
    classes: bytes


@dataclass(frozen=True)
class StoredRun:
    """One run as it stands. `environment` is of its newest attempt that told it."""

    id: int
    name: str
    recipe: str
    seed: int
    epochs: int
    state: str
    reason: str | None
    detail: str | None
    attempt: int
    progress: dict[str, Any] | None
    parent_id: int | None
    started_at: float | None
    finished_at: float | None
    series: dict[str, Series] = field(default_factory=dict)
    environment: dict[str, Any] | None = None
    predicted: Predicted | None = None

    @property
    def key(self) -> Key:
        return self.recipe, self.seed

    @property
    def epoch(self) -> int:
        """The last epoch that has points, 0 where there is none."""
        return max((series.epochs[-1] for series in self.series.values() if series.epochs), default=0)

    def value(self, metric: str, epoch: int) -> float | None:
        """Return a stored value; None where there is none, or where it is no number."""
        series = self.series.get(metric, Series())
        return series.values[series.epochs.index(epoch)] if epoch in series.epochs else None


@dataclass(frozen=True)
class Found:
    """The runs of a report: those shown, and these with all that they start from by id. None is deleted."""

    shown: dict[Key, StoredRun]
    by_id: dict[int, StoredRun]

    def parent_of(self, run: StoredRun | None) -> StoredRun | None:
        """Return the run that a run really starts from, though a newer one of its recipe may be shown."""
        return None if run is None or run.parent_id is None else self.by_id.get(run.parent_id)


def seeds(session: Session, recipes: Collection[str]) -> list[int]:
    """Return the seeds with which any of these recipes was launched."""
    query = (
        select(Run.seed)
        .join(Recipe, Recipe.id == Run.recipe_id)
        .where(Recipe.hash.in_(recipes), Run.deleted_at.is_(None))
        .distinct()
        .order_by(Run.seed)
    )
    return list(session.scalars(query))


def read(session: Session, keys: Collection[Key]) -> Found:
    """Return what is stored of these recipes and seeds."""
    everything = _runs(session, {recipe for recipe, _ in keys})
    shown = _shown(everything.values(), set(keys))
    needed = _with_parents(shown.values(), everything)
    full = _with_numbers(session, {run_id: everything[run_id] for run_id in needed})
    return Found({key: full[run.id] for key, run in shown.items()}, full)


def _runs(session: Session, recipes: set[str]) -> dict[int, StoredRun]:
    query = (
        select(
            Run.id,
            Run.name,
            Recipe.hash,
            Run.seed,
            Run.epochs,
            Run.state,
            Run.reason,
            Run.detail,
            Run.attempt,
            Run.progress,
            Run.parent_run_id,
            Run.started_at,
            Run.finished_at,
        )
        .join(Recipe, Recipe.id == Run.recipe_id)
        .where(Recipe.hash.in_(recipes), Run.deleted_at.is_(None))
        .order_by(Run.id)
    )
    return {row[0]: StoredRun(*row) for row in session.execute(query)}


def _shown(runs: Iterable[StoredRun], keys: set[Key]) -> dict[Key, StoredRun]:
    """Choose the run that stands for each key; `runs` come in the order of their ids."""
    rank = {state: place for place, states in enumerate(PRECEDENCE) for state in states}
    chosen: dict[Key, StoredRun] = {}
    for run in runs:
        if run.key not in keys:
            continue
        known = chosen.get(run.key)
        if known is None or rank[run.state] <= rank[known.state]:
            chosen[run.key] = run
    return chosen


def _with_parents(runs: Iterable[StoredRun], everything: dict[int, StoredRun]) -> set[int]:
    found: set[int] = set()
    for run in runs:
        while run.id not in found:
            found.add(run.id)
            if run.parent_id is None or run.parent_id not in everything:
                break
            run = everything[run.parent_id]
    return found


def _with_numbers(session: Session, runs: dict[int, StoredRun]) -> dict[int, StoredRun]:
    series = points.read_many(session, runs, METRICS)
    environments = _environments(session, runs)
    predicted = _predictions(session, runs)
    return {
        run_id: replace(
            run,
            series=series.get(run_id, {}),
            environment=environments.get(run_id),
            predicted=predicted.get(run_id),
        )
        for run_id, run in runs.items()
    }


def _environments(session: Session, run_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    query = (
        select(Attempt.run_id, Attempt.environment)
        .where(Attempt.run_id.in_(run_ids), Attempt.environment.is_not(None))
        .order_by(Attempt.run_id, Attempt.number)
    )
    return {run_id: told for run_id, told in session.execute(query) if told is not None}


def _predictions(session: Session, run_ids: Collection[int]) -> dict[int, Predicted]:
    """Return the predictions of each run's newest epoch that has any, its test set read once."""
    newest = (
        select(Prediction.run_id, func.max(Prediction.epoch).label("epoch"))
        .where(Prediction.run_id.in_(run_ids))
        .group_by(Prediction.run_id)
        .subquery()
    )
    query = select(Prediction.run_id, Prediction.epoch, Prediction.test_set, Prediction.classes).join(
        newest, and_(newest.c.run_id == Prediction.run_id, newest.c.epoch == Prediction.epoch)
    )
    rows = session.execute(query).all()
    sets = select(TestSet.hash, TestSet.classes, TestSet.labels).where(
        TestSet.hash.in_({row.test_set for row in rows})
    )
    truth = {digest: (names, labels) for digest, names, labels in session.execute(sets)}
    return {
        run_id: Predicted(epoch, test_set, *truth[test_set], classes)
        for run_id, epoch, test_set, classes in rows
    }
