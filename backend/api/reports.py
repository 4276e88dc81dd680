"""GET /api/reports: the reports, and one of them with every published number beside the measured one."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from sqlalchemy.orm import Session

from backend.api.deps import DatabaseDep, SettingsDep
from backend.api.machines import read_machines
from backend.api.problems import RESPONSES
from backend.api.references import read_chosen, read_titles
from backend.api.shelf import read_shelf
from backend.api.wire import cursor
from backend.catalog.datasets import BUILTIN
from backend.catalog.references import published_tables
from backend.catalog.reports import report, reports
from backend.confirming import needed_confirmation
from backend.launching import Shelf, new_run
from backend.outlook import outlook
from backend.references.tables import PUBLISHED
from backend.report.cells import Chosen
from backend.report.choices import choices
from backend.report.material import Material, wanted_runs
from backend.report.replicates import by_recipe
from backend.report.sections import sections
from backend.report.standing import missing, standing
from backend.reporting import ReportPlan, default_variant, plan_report, problem_of
from backend.settings import Settings
from backend.sizing import budget_seconds
from backend.store import clock, events, launches, replicates
from backend.store import reports as stored
from backend.store.launches import NewRun

LARGEST_SEED = 2**31 - 1

MOST_REFERENCES = 4
"""Side by side: more columns than that nobody reads."""

Name = Annotated[str | None, Query(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Wished = Annotated[
    str,
    Query(max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}(:[0-9]{1,3}([.][0-9]{1,4})?)?$"),
]
"""A reference, with the tolerance of its verdicts in points where that is not its own: published, our-lab:0.5."""

router = APIRouter(prefix="/api/reports", tags=["reports"], responses=RESPONSES)


@router.get("")
def list_reports() -> dict[str, list[dict[str, str]]]:
    """Return the reports."""
    return {"reports": [{"name": one.name, "title": one.title} for one in reports().values()]}


@router.get("/{name}")
def get_report(
    name: Annotated[str, Path(max_length=100)],
    database: DatabaseDep,
    settings: SettingsDep,
    size: Literal["quick", "published"] | None = None,
    dataset: Name = None,
    pretraining: Name = None,
    seed: Annotated[int | None, Query(ge=0, le=LARGEST_SEED)] = None,
    reference: Annotated[list[Wished] | None, Query(min_length=1, max_length=MOST_REFERENCES)] = None,
) -> dict[str, Any]:
    """Return a report in one variant; what is not chosen follows from what is there.

    `reference` names what it is held against, the main one first, each with a tolerance in points behind a colon.
    """
    shown = report(name)
    with database.read() as session:
        place = cursor(events.store_id(session), events.last_id(session))
        shelf = read_shelf(session)
        plan = plan_report(default_variant(shelf, size, dataset, pretraining))
        chosen = read_chosen(session, reference or [PUBLISHED])
        material = _material(session, name, plan, shelf, seed, chosen)
        return {
            "name": shown.name,
            "title": shown.title,
            "about": shown.about,
            "cursor": place,
            "variant": _variant(material, shelf),
            "references": _references(session, chosen),
            "standing": standing(material, clock.read_now(session))
            | _outlook(session, material, shelf, settings),
            "sections": sections(material),
        }


def _material(
    session: Session,
    name: str,
    plan: ReportPlan,
    shelf: Shelf,
    seed: int | None,
    chosen: Sequence[Chosen],
) -> Material:
    recipes = [one.spec.recipe_hash() for one in (*plan.cells.values(), *plan.sweep.values())]
    # Without a wish the first seed that has runs is shown.
    seeds = stored.seeds(session, recipes)
    shown = seed if seed is not None else min(seeds, default=0)
    found = stored.read(session, wanted_runs(plan, shown).keys())
    tables = {one.spec.recipe_hash() for one in plan.cells.values()}
    return Material(
        report(name),
        plan,
        published_tables(),
        shelf.all_images(),
        found,
        seeds,
        shown,
        by_recipe(replicates.read(session, tables)),
        replicates.launched(session, tables),
        chosen,
    )


def _references(session: Session, chosen: Sequence[Chosen]) -> dict[str, Any]:
    """Return what the report is held against, and all that it could be."""
    return {
        "shown": [
            {
                "name": one.reference.name,
                "title": one.reference.title,
                "tolerance_points": one.tolerance_points,
                "own_tolerance_points": one.reference.tolerance_points,
            }
            for one in chosen
        ],
        "there": [{"name": name, "title": title} for name, title in read_titles(session)],
        "most": MOST_REFERENCES,
    }


def _variant(material: Material, shelf: Shelf) -> dict[str, Any]:
    variant = material.plan.variant
    return {
        "size": variant.size,
        "dataset": variant.dataset,
        "pretraining": variant.pretraining,
        "seed": material.seed,
        "seeds": material.seeds,
        "choices": choices(shelf),
    }


def _outlook(session: Session, material: Material, shelf: Shelf, settings: Settings) -> dict[str, Any]:
    """Return what running the missing ones would take, and whether it can be done at all."""
    variant = material.plan.variant
    budget = budget_seconds(generated=variant.dataset in BUILTIN) if variant.size == "quick" else None
    problem = problem_of(variant, shelf)
    runs = [] if problem else _missing_runs(session, material, shelf)
    machines = read_machines(session, settings)
    told = outlook(runs, shelf, machines)
    return {
        "estimate_seconds": None if problem else told.seconds if runs else 0.0,
        "device": told.device,
        "workers": told.workers,
        "budget_seconds": budget,
        "confirmation": needed_confirmation(len(runs), told, machines),
        "problem": problem,
    }


def _missing_runs(session: Session, material: Material, shelf: Shelf) -> list[NewRun]:
    found = [new_run(planned, seed, shelf) for (_, seed), planned in missing(material).items()]
    return launches.without_parents_there(session, found)
