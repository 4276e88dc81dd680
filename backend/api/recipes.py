"""The recipes, each with its runs: GET /api/recipes."""

from collections import Counter
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import StringConstraints
from sqlalchemy.orm import Session

from backend.analysis.differences import Field, differences, short
from backend.api.deps import LARGEST_INTEGER, DatabaseDep
from backend.api.problems import RESPONSES
from backend.api.run_wires import run_wires
from backend.api.search import FindingName, SearchText, found_of, words_of
from backend.api.wire import RunWire, cursor, whole_spec
from backend.api.wire_recipes import RecipePageWire, RecipeWire, accuracy_wire, best_wire, judged
from backend.belonging import DEPENDENT
from backend.catalog.presets import Size, preset
from backend.contract import RunState
from backend.errors import UnknownName
from backend.spec import field_rules
from backend.store import events, launches, recipes, runs
from backend.store.recipes import RecipeRow, RunFacts

RecipeHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}([0-9a-f]{52})?$")]

SHOWN_RUNS = 50
"""Of one recipe, the newest ones."""
SHOWN_IN_ALL = 500
"""On one page: a page of many recipes shows fewer runs of each."""

TOLD_ELSEWHERE = {
    "model.arch",
    "features.arch",
    "features.node",
    "optimizer.name",
    "optimizer.lr",
    "schedule.name",
    "dataset.name",
    "dataset.image_size",
    # It follows from what the parent is trained on, which is what the run itself is trained on.
    "model.weights.parent",
    "features.weights.parent",
}
"""Fields that each row shows anyway, beside its name."""

router = APIRouter(prefix="/api/recipes", tags=["recipes"], responses=RESPONSES)


@router.get("")
def list_recipes(
    database: DatabaseDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_INTEGER)] = None,
    state: RunState | None = None,
    q: SearchText = "",
    recipe: Annotated[list[RecipeHash] | None, Query(max_length=100)] = None,
    finding: FindingName = None,
) -> RecipePageWire:
    """Return recipes, the one with the newest run first, each with its runs.

    With `state` those that have a run in it; with `q` those in whose runs each word occurs; with `recipe` (may be
    repeated) those alone; with `finding` those with a run of which this was found, as in the list of runs. A run is shown with what it had when `cursor` was read, or later.
    """
    words, was_found = words_of(q), found_of(finding)
    with database.read() as session:
        place = cursor(events.store_id(session), events.last_id(session))
        found = recipes.page(
            session,
            limit=limit + 1,
            before=before,
            state=state,
            words=words,
            hashes=recipe or (),
            found=was_found,
        )
        shown = found[:limit]
        return RecipePageWire(
            recipes=_wires(session, shown),
            next=shown[-1].newest_run if len(found) > limit else None,
            total=recipes.count(session),
            counts=launches.count_by_state(session),
            cursor=place,
        )


def _wires(session: Session, rows: list[RecipeRow]) -> list[RecipeWire]:
    ids = [row.id for row in rows]
    if not ids:
        return []
    facts: dict[int, list[RunFacts]] = {recipe: [] for recipe in ids}
    for run in recipes.facts(session, recipe_ids=ids):
        facts[run.recipe_id].append(run)
    most = min(SHOWN_RUNS, SHOWN_IN_ALL // len(ids))
    found = runs.by_ids(session, recipes.newest_runs(session, ids, most))
    wires: dict[int, list[RunWire]] = {recipe: [] for recipe in ids}
    for row, wire in zip(found, run_wires(session, found), strict=True):
        wires[row.run.recipe_id].append(wire)
    # A run that was launched since the page was read comes with the next event; one that was deleted is left out.
    return [_wire(row, facts[row.id], wires[row.id]) for row in rows if wires[row.id]]


def _wire(row: RecipeRow, facts: list[RunFacts], shown: list[RunWire]) -> RecipeWire:
    newest = shown[0]
    return RecipeWire(
        recipe=row.hash[:12],
        name=newest.name,
        preset=newest.preset,
        size=newest.size,
        differs=differs_from_preset(newest.preset, newest.size, newest.spec),
        counts={RunState(state): count for state, count in Counter(run.state for run in facts).items()},
        total=len(facts),
        runs=shown,
        accuracy=accuracy_wire(judged(facts)),
        best=best_wire(facts),
    )


def differs_from_preset(name: str | None, size: str | None, spec: dict[str, Any]) -> list[str]:
    """Return in short what a recipe has changed in its preset, and rows do not show anyway."""
    base = _preset_spec(name, size) if name and size in ("published", "quick") else None
    if base is None:
        return []
    found = differences([base, spec])
    changed = [
        field for field in found if field.path not in TOLD_ELSEWHERE and not _comes_with_a_choice(field)
    ]
    # What is trained differently says more than how many images it is trained on.
    changed.sort(key=lambda field: field.path.startswith("dataset."))
    return [short(field.path, field.values[1]) for field in changed]


def _comes_with_a_choice(field: Field) -> bool:
    """Say whether it only came or went with another one: as Adam's betas come, and the momentum goes."""
    before, after = field.values
    if field.path not in DEPENDENT:
        return False
    return after is None or (before is None and after == field_rules(field.path).get("default"))


@cache
def _preset_spec(name: str, size: Size) -> dict[str, Any] | None:
    try:
        return whole_spec(preset(name).spec(size).model_dump(mode="json"))
    except UnknownName:  # of another version of Runyard
        return None
