"""The completed runs of some recipes over all seeds, with what a report holds against its reference.

Three statements, however many recipes and seeds there are.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.contract import RunState
from backend.store import points
from backend.store.points import Series
from backend.store.tables import Prediction, Recipe, Run

MOST = 100
"""Runs of one recipe that are read, the newest: beyond that another seed changes no digit that is shown."""

METRICS = ("train_loss", "train_acc", "test_acc")


@dataclass(frozen=True)
class Replicate:
    """One completed run. `test_set` is that of its last epoch's predictions, None where they are not stored."""

    id: int
    recipe: str
    seed: int
    parent_id: int | None
    test_set: str | None
    series: dict[str, Series] = field(default_factory=dict)

    def at(self, metric: str, epoch: int) -> float | None:
        """Return a value, NaN and infinity too; None where the run has none at this epoch."""
        return self.series.get(metric, Series()).by_epoch().get(epoch)

    @property
    def last_epoch(self) -> int:
        """The last epoch that has points, 0 where there is none."""
        return max((series.epochs[-1] for series in self.series.values() if series.epochs), default=0)

    def last(self, metric: str) -> float | None:
        """Return the value of the last epoch; None where there is none, or where it is no number."""
        series = self.series.get(metric, Series())
        return series.values[-1] if series.epochs and series.epochs[-1] == self.last_epoch else None


def read(session: Session, recipes: Collection[str] = (), run_ids: Collection[int] = ()) -> list[Replicate]:
    """Return the completed runs of these recipes, and these runs where they are completed, the newest first."""
    place = func.row_number().over(partition_by=Run.recipe_id, order_by=Run.id.desc())
    wanted = Run.id.in_(run_ids) | Recipe.hash.in_(recipes)
    ranked = (
        select(Run.id, Recipe.hash, Run.seed, Run.parent_run_id, place.label("place"))
        .join(Recipe, Recipe.id == Run.recipe_id)
        .where(wanted, Run.state == RunState.COMPLETED, Run.deleted_at.is_(None))
        .subquery()
    )
    query = select(ranked).where(ranked.c.place <= MOST).order_by(ranked.c.id.desc())
    rows = session.execute(query).all()
    ids = [row.id for row in rows]
    series = points.read_many(session, ids, METRICS)
    test_sets = _test_sets(session, ids)
    return [
        Replicate(
            row.id, row.hash, row.seed, row.parent_run_id, test_sets.get(row.id), series.get(row.id, {})
        )
        for row in rows
    ]


def _test_sets(session: Session, run_ids: Collection[int]) -> dict[int, str]:
    """Return what each run was tested on in its last epoch."""
    query = (
        select(Run.id, Prediction.test_set)
        .join(Prediction, (Prediction.run_id == Run.id) & (Prediction.epoch == points.last_epoch()))
        .where(Run.id.in_(run_ids))
    )
    return dict(session.execute(query).all())  # pyright: ignore


@dataclass(frozen=True)
class Launched:
    """A run of a recipe, in whatever state."""

    id: int
    seed: int
    state: str


def launched(session: Session, recipes: Collection[str]) -> dict[str, list[Launched]]:
    """Return every run of these recipes, the newest first, by the hash of the recipe."""
    query = (
        select(Recipe.hash, Run.id, Run.seed, Run.state)
        .join(Recipe, Recipe.id == Run.recipe_id)
        .where(Recipe.hash.in_(recipes), Run.deleted_at.is_(None))
        .order_by(Run.id.desc())
    )
    found: dict[str, list[Launched]] = {}
    for recipe, run_id, seed, state in session.execute(query):
        found.setdefault(recipe, []).append(Launched(run_id, seed, state))
    return found


def recipes_of(session: Session, run_ids: Collection[int]) -> dict[int, str]:
    """Return the hash of the recipe of each of these runs that there is."""
    query = (
        select(Run.id, Recipe.hash)
        .join(Recipe, Recipe.id == Run.recipe_id)
        .where(Run.id.in_(run_ids), Run.deleted_at.is_(None))
    )
    return dict(session.execute(query).all())  # pyright: ignore


def whole_hashes(session: Session, beginnings: Collection[str]) -> dict[str, str]:
    """Return the whole hashes of recipes by their first 12 digits, of those that there are."""
    short = func.substr(Recipe.hash, 1, 12)
    query = select(short, Recipe.hash).where(short.in_({one[:12] for one in beginnings}))
    return dict(session.execute(query).all())  # pyright: ignore


def specs(session: Session, recipes: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the stored specs of recipes, by their hashes."""
    query = select(Recipe.hash, Recipe.spec).where(Recipe.hash.in_(recipes))
    return dict(session.execute(query).all())  # pyright: ignore
