"""The recipes, specs without their seeds, known by their hash: pages of them, and what of their runs decides how good
they are.

A handful of statements for a page, however many runs its recipes have.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import ColumnElement

from backend.store import points, searching
from backend.store.tables import Prediction, Recipe, Run, TestSet


@dataclass(frozen=True)
class RecipeRow:
    """A recipe in the order of pages: by its newest run."""

    id: int
    hash: str
    newest_run: int


@dataclass(frozen=True)
class RunFacts:
    """What a recipe is judged by, of one run. `test_set` and `images` are of its last epoch's predictions.

    `parent` is the run that it starts from.
    """

    id: int
    recipe_id: int
    seed: int
    state: str
    epochs: int
    summary: dict[str, Any] | None
    test_set: str | None = None
    images: int | None = None
    parent: int | None = None

    @property
    def last(self) -> dict[str, float | None]:
        return (self.summary or {}).get("metrics", {})


def table_of(session: Session, digest: str) -> dict[str, Any] | None:
    """Return the table of a recipe as it was stored, defaults left out; None where there is none."""
    return session.scalars(select(Recipe.spec).where(Recipe.hash == digest)).one_or_none()


def hash_of(session: Session, recipe_id: int) -> str:
    """Return the hash of a stored recipe."""
    return session.scalars(select(Recipe.hash).where(Recipe.id == recipe_id)).one()


def page(
    session: Session,
    *,
    limit: int,
    before: int | None = None,
    state: str | None = None,
    words: Sequence[str] = (),
    hashes: Collection[str] = (),
    found: ColumnElement[bool] | None = None,
) -> list[RecipeRow]:
    """Return the recipes whose newest run is older than `before`, the newest first.

    With `state` those that have a run in it; with `words` those in whose runs each word is found; with `hashes` (whole,
    or their beginnings of 12 digits) those alone; with `found` (of `findings.is_of`) those with a run of which it was.
    """
    newest = func.max(Run.id)
    query = (
        select(Run.recipe_id, newest)
        .where(Run.deleted_at.is_(None))
        .group_by(Run.recipe_id)
        .order_by(newest.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.having(newest < before)
    if state is not None:
        query = query.having(_any(Run.state == state))
    if found is not None:
        query = query.having(_any(found))
    if hashes:
        short = func.substr(Recipe.hash, 1, 12)
        query = query.where(
            Run.recipe_id.in_(select(Recipe.id).where(short.in_({one[:12] for one in hashes})))
        )
    if words:
        texts = searching.texts()
        query = query.join(texts, texts.c.id == Run.id)
        query = query.having(*(_any(searching.has(texts, word)) for word in words))
    rows = dict(session.execute(query).all())  # pyright: ignore
    digests = dict(session.execute(select(Recipe.id, Recipe.hash).where(Recipe.id.in_(rows))).all())  # pyright: ignore
    return [RecipeRow(recipe, digests[recipe], run) for recipe, run in rows.items()]


def count(session: Session) -> int:
    """Return how many recipes have a run that is not deleted."""
    query = select(func.count(Run.recipe_id.distinct())).where(Run.deleted_at.is_(None))
    return session.execute(query).scalar_one()


def facts(
    session: Session, *, recipe_ids: Collection[int] = (), run_ids: Collection[int] = ()
) -> list[RunFacts]:
    """Return what the runs of these recipes, or these runs, are judged by, the newest first; deleted ones are left out."""
    which = Run.recipe_id.in_(recipe_ids) if recipe_ids else Run.id.in_(run_ids)
    query = (
        select(Run.id, Run.recipe_id, Run.seed, Run.state, Run.epochs, Run.summary, Prediction.test_set)
        .add_columns(Run.parent_run_id)
        .outerjoin(Prediction, (Prediction.run_id == Run.id) & (Prediction.epoch == points.last_epoch()))
        .where(which, Run.deleted_at.is_(None))
        .order_by(Run.id.desc())
    )
    rows = session.execute(query).all()
    images = _images(session, {row.test_set for row in rows if row.test_set is not None})
    return [RunFacts(*row[:-1], images=images.get(row.test_set), parent=row.parent_run_id) for row in rows]


def newest_runs(session: Session, recipe_ids: Collection[int], most: int) -> list[int]:
    """Return the ids of the newest runs of each recipe, at most `most` of one."""
    place = func.row_number().over(partition_by=Run.recipe_id, order_by=Run.id.desc())
    ranked = (
        select(Run.id, place.label("place"))
        .where(Run.recipe_id.in_(recipe_ids), Run.deleted_at.is_(None))
        .subquery()
    )
    return list(
        session.scalars(select(ranked.c.id).where(ranked.c.place <= most).order_by(ranked.c.id.desc()))
    )


def seeds(session: Session, recipe_ids: Collection[int]) -> dict[int, list[int]]:
    """Return the seeds of all runs of each recipe."""
    query = select(Run.recipe_id, Run.seed).where(Run.recipe_id.in_(recipe_ids), Run.deleted_at.is_(None))
    found: dict[int, list[int]] = {recipe: [] for recipe in recipe_ids}
    for recipe, seed in session.execute(query.distinct()):
        found[recipe].append(seed)
    return found


def names(session: Session, hashes: Collection[str]) -> dict[str, str]:
    """Return what the newest run of each of these recipes is called, by the whole hash."""
    newest = (
        select(func.max(Run.id))
        .join(Recipe, Recipe.id == Run.recipe_id)
        .where(Recipe.hash.in_(hashes), Run.deleted_at.is_(None))
        .group_by(Run.recipe_id)
    )
    query = select(Recipe.hash, Run.name).join(Run, Run.recipe_id == Recipe.id).where(Run.id.in_(newest))
    return dict(session.execute(query).all())  # pyright: ignore


def _images(session: Session, test_sets: Collection[str]) -> dict[str | None, int]:
    """Return how many images each test set has."""
    query = select(TestSet.hash, TestSet.classes, func.length(TestSet.labels)).where(
        TestSet.hash.in_(test_sets)
    )
    # One byte a label, two where there are more than 256 classes: see TestSet.
    return {digest: size // (1 if len(names) <= 256 else 2) for digest, names, size in session.execute(query)}


def _any(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether any row of a group fits."""
    return func.max(case((condition, 1), else_=0)) == 1
