"""What is there to launch with, read from the store for `backend.launching`."""

from functools import cache

from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.readiness import Cloned, Images, Shelf
from backend.store import datasets, recipes, runs, weights


def read_shelf(session: Session) -> Shelf:
    """Return the shelf; it looks up recipes and runs in this session, so use it within."""

    def run(run_id: int) -> tuple[str, int] | None:
        try:
            row = runs.get(session, run_id)
        except NotFound:
            return None
        return recipes.hash_of(session, row.run.recipe_id), row.run.seed

    def cloned(run_id: int) -> Cloned | None:
        try:
            run = runs.get(session, run_id).run
        except NotFound:
            return None
        size = "quick" if run.size == "quick" else "published" if run.size == "published" else None
        return Cloned(run.spec, run.name, run.preset, size)

    return Shelf(
        images={
            row.name: Images(row.pixels, len(row.classes), row.train_count, row.test_count)
            for row in datasets.current(session)
        },
        weights={(row.source, row.name, row.arch): row.classes for row in weights.everything(session)},
        # A grid asks for the same parent a thousand times.
        recipe=cache(lambda digest: recipes.table_of(session, digest)),
        run=cache(run),
        cloned=cache(cloned),
    )
