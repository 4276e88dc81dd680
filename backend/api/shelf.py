"""What is there to launch with, read from the store for `backend.launching`."""

from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.launching import Images, Shelf
from backend.store import datasets, recipes, runs, weights


def read_shelf(session: Session) -> Shelf:
    """Return the shelf; it looks up recipes and runs in this session, so use it within."""

    def run(run_id: int) -> tuple[str, int] | None:
        try:
            row = runs.get(session, run_id)
        except NotFound:
            return None
        return recipes.hash_of(session, row.run.recipe_id), row.run.seed

    return Shelf(
        images={
            row.name: Images(row.pixels, len(row.classes), row.train_count, row.test_count)
            for row in datasets.current(session)
        },
        weights={(row.source, row.name, row.arch): row.classes for row in weights.everything(session)},
        recipe=lambda digest: recipes.table_of(session, digest),
        run=run,
    )
