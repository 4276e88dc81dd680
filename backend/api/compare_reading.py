"""What is compared: which runs and recipes were asked for, and all that is stored of them, read in one session."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query
from sqlalchemy.orm import Session

from backend.analysis.differences import Field, fields_of, labels
from backend.analysis.verdicts import Contender
from backend.api.compared import LOST, Compared, Measured
from backend.api.deps import LARGEST_INTEGER
from backend.api.recipes import RecipeHash
from backend.api.shelf import read_shelf
from backend.api.wire import whole_spec
from backend.api.wire_recipes import judged
from backend.errors import InvalidSpec, NotFound
from backend.figures.compare import CURVES
from backend.readiness import Shelf
from backend.store import comparing, points, recipes, runs
from backend.store.comparing import Choice, Chosen
from backend.store.recipes import RunFacts

MOST_RUNS = 1_000
MOST_RECIPES = 200


@dataclass(frozen=True)
class Asked:
    """The runs and recipes that a request names, without repeats."""

    runs: tuple[int, ...]
    recipes: tuple[str, ...]


def asked(
    run: Annotated[
        list[Annotated[int, Query(ge=1, le=LARGEST_INTEGER)]] | None,
        Query(max_length=MOST_RUNS, description="Runs to compare; may be repeated."),
    ] = None,
    recipe: Annotated[
        list[RecipeHash] | None,
        Query(max_length=MOST_RECIPES, description="Recipes with all their runs; may be repeated."),
    ] = None,
) -> Asked:
    """Return what a comparison is asked for.

    Raises:
        InvalidSpec: nothing is.
    """
    if not run and not recipe:
        raise InvalidSpec("Neither a run nor a recipe is named: ask for run=1, or recipe= and its 12 digits.")
    return Asked(tuple(dict.fromkeys(run or ())), tuple(dict.fromkeys(one[:12] for one in recipe or ())))


AskedDep = Annotated[Asked, Depends(asked)]
ChoiceQuery = Annotated[
    Choice,
    Query(
        description="The epoch that stands for a run: last, of the best test or of the best validation accuracy."
    ),
]


@dataclass(frozen=True)
class Comparison:
    """Everything that is compared. `called` are the labels of the recipes, in the order of `compared`."""

    wanted: tuple[int, ...]
    compared: list[Compared]
    measured: Measured
    fields: list[Field]
    called: list[str]
    names: dict[str, str]
    """What recipes are called that others start from, by their hashes."""

    @property
    def differing(self) -> list[Field]:
        return [field for field in self.fields if field.differs]

    @property
    def contenders(self) -> list[Contender]:
        return [
            Contender(label, one.accuracy, one.images)
            for label, one in zip(self.called, self.compared, strict=True)
        ]

    @property
    def longest(self) -> int:
        """The epochs of the run that has come furthest."""
        return max(
            ((run.summary or {}).get("epoch", 0) for one in self.compared for run in one.facts), default=0
        )


def read(session: Session, request: Asked, value: Choice = "last", target: float | None = None) -> Comparison:
    """Return the recipes of what was asked for, in that order: runs first.

    Raises:
        NotFound: a run or recipe is not there.
        InvalidSpec: these are too many.
    """
    wanted = wanted_runs(session, request)
    rows = {row.run.id: row for row in runs.by_ids(session, wanted)}
    facts = recipes.facts(session, run_ids=wanted)
    there = rows.keys() & {run.id for run in facts}
    for run_id in wanted:
        if run_id not in there:
            raise NotFound("run", run_id)
    by_recipe: dict[int, list[RunFacts]] = {rows[run_id].run.recipe_id: [] for run_id in wanted}
    if len(by_recipe) > MOST_RECIPES:
        raise InvalidSpec(
            f"These runs are of {len(by_recipe)} recipes; at most {MOST_RECIPES} can be compared at once."
        )
    for run in facts:
        by_recipe[run.recipe_id].append(run)
    measured = _measured(session, wanted, facts, value, target)
    seeds = recipes.seeds(session, by_recipe)
    shelf = read_shelf(session)
    compared = []
    for recipe, own in by_recipe.items():
        newest = rows[own[0].id]
        spec = whole_spec(newest.run.spec)
        accuracy = judged(own, measured.chosen)
        images = _images_an_epoch(spec, shelf)
        compared.append(
            Compared(newest.recipe_hash, newest.run.name, spec, own, seeds[recipe], accuracy, images)
        )
    names = recipes.names(session, _parents(compared))
    fields = fields_of([one.spec for one in compared])
    found = labels([field for field in fields if field.differs], len(compared), names)
    called = [label or one.name for label, one in zip(found, compared, strict=True)]
    return Comparison(wanted, compared, measured, fields, called, names)


def wanted_runs(session: Session, request: Asked) -> tuple[int, ...]:
    """Return the runs that are asked for, one by one or with their recipe, in that order.

    Raises:
        NotFound: a recipe is not there.
        InvalidSpec: these are too many.
    """
    wanted = tuple(dict.fromkeys((*request.runs, *_of_recipes(session, request))))
    if len(wanted) > MOST_RUNS:
        raise InvalidSpec(
            f"These recipes have {len(wanted):,} runs; at most {MOST_RUNS:,} can be compared at once."
        )
    return wanted


def _of_recipes(session: Session, request: Asked) -> list[int]:
    """Return the runs of the recipes that were asked for, the oldest first: lost ones only where there are no others."""
    if not request.recipes:
        return []
    rows = {
        row.hash[:12]: row.id for row in recipes.page(session, limit=MOST_RECIPES, hashes=request.recipes)
    }
    for short in request.recipes:
        if short not in rows:
            raise NotFound("recipe", short)
    of_recipe: dict[int, list[RunFacts]] = {}
    for run in reversed(recipes.facts(session, recipe_ids=rows.values())):
        of_recipe.setdefault(run.recipe_id, []).append(run)
    found = []
    for short in request.recipes:
        own = of_recipe[rows[short]]
        found += [run.id for run in own if run.state not in LOST] or [run.id for run in own]
    return found


def _measured(
    session: Session, wanted: tuple[int, ...], facts: list[RunFacts], value: Choice, target: float | None
) -> Measured:
    return Measured(
        chosen=_chosen(session, wanted, facts, value),
        seconds=comparing.totals(session, wanted, "epoch_seconds"),
        energy_wh=comparing.totals(session, wanted, "energy_wh"),
        devices=comparing.device_types(session, wanted),
        reached=None if target is None else comparing.reached(session, wanted, target),
    )


def _chosen(
    session: Session, wanted: tuple[int, ...], facts: list[RunFacts], value: Choice
) -> dict[int, Chosen]:
    if value == "best":
        return comparing.at_best(session, wanted, CURVES)
    if value == "validation":
        return comparing.at_best_validation(session, wanted, CURVES)
    words = points.last_nonfinite(session, wanted, CURVES)
    return {
        run.id: Chosen(run.summary["epoch"], run.summary["metrics"], words.get(run.id, {}))
        for run in facts
        if run.summary
    }


def _images_an_epoch(spec: dict[str, Any], shelf: Shelf) -> int | None:
    """Return how many images are trained on in an epoch; None where the data set is not known here."""
    dataset = spec["dataset"]
    known = shelf.known_images(dataset.get("name"))
    limit, share = dataset.get("train_limit"), dataset.get("validation") or 0
    count = known.train_count if known else limit
    if count is None:
        return None
    count = min(count, limit or count)
    # As worker.engine.batches parts them: at least one image is kept back where any is.
    return count - max(1, round(count * share)) if share else count


def _parents(compared: list[Compared]) -> set[str]:
    """Return the recipes that any of these starts from, by their hashes."""
    holders = [part for one in compared for part in (one.spec.get("model"), one.spec.get("features")) if part]
    return {
        weights["parent"] for part in holders if (weights := part.get("weights")) and weights.get("parent")
    }
