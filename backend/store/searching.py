"""What a text filter looks through: of each run one text, and whether a word is in it."""

from typing import Any

from sqlalchemy import CTE, cast, func, select
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.types import String

from backend.store.tables import Experiment, Recipe, Run


def texts() -> CTE:
    """Return `id` and `text` of the runs that are not deleted: everything of a run, as the Runs page shows it.

    Join it by `id`, and test its `text` with `has`. Materialized, as databases would otherwise put its expression in the
    place of its column, and make the text anew for each word.
    """
    query = (
        select(Run.id, _text().label("text"))
        .join(Recipe, Recipe.id == Run.recipe_id)
        .outerjoin(Experiment, Experiment.id == Run.experiment_id)
        .where(Run.deleted_at.is_(None))
    )
    return query.cte("searched").prefix_with("MATERIALIZED")


def has(texts: CTE, word: str) -> ColumnElement[bool]:
    """Whether a word is in the text, in capitals or not."""
    return texts.c.text.icontains(word, autoescape=True)


def _text() -> ColumnElement[str]:
    spec = Run.spec
    features = spec["features"]
    parts: list[Any] = [  # of several kinds of columns
        "#" + cast(Run.id, String),
        Run.name,
        Run.preset,
        Run.size,
        Experiment.name,
        spec["model"]["arch"].as_string(),
        " on " + features["arch"].as_string() + " " + features["node"].as_string(),
        "lr " + spec["optimizer"]["lr"].as_string(),
        spec["epochs"].as_string() + " epochs",
        spec["dataset"]["image_size"].as_string() + " px",
        spec["dataset"]["name"].as_string(),
        "seed " + cast(Run.seed, String),
        Run.state,
        Run.reason,
        func.substr(Recipe.hash, 1, 12),
    ]
    text = parts[0]
    for part in parts[1:]:
        text = text + " " + func.coalesce(part, "")
    return text
