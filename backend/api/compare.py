"""Several runs beside each other, by their recipes: GET /api/compare."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session

from backend.analysis.differences import Field, fields_of, labels, shown
from backend.analysis.verdicts import Contender, Verdict, verdict
from backend.api.compare_warnings import warnings
from backend.api.compared import Compared, Endings, item
from backend.api.deps import LARGEST_INTEGER, DatabaseDep
from backend.api.problems import RESPONSES
from backend.api.wire import cursor, whole_spec
from backend.api.wire_recipes import (
    ComparedRunWire,
    ComparedWire,
    CompareWire,
    CurveWire,
    DifferenceWire,
    SameWire,
    SeedsWire,
    VerdictWire,
    judged,
)
from backend.contract import RunState
from backend.errors import NotFound
from backend.figures import compare as figures
from backend.figures.compare import CURVES, Curve
from backend.store import events, points, recipes, runs

MOST_RUNS = 50

router = APIRouter(prefix="/api/compare", tags=["compare"], responses=RESPONSES)


@router.get("")
def compare_runs(
    database: DatabaseDep,
    run: Annotated[
        list[Annotated[int, Query(ge=1, le=LARGEST_INTEGER)]], Query(min_length=1, max_length=MOST_RUNS)
    ],
    curves: bool = True,
) -> CompareWire:
    """Return what differs between the recipes of these runs, how good each is, and the curves of each run.

    Recipes come in the order of the runs that were asked for. `curves=false` leaves the curves out.
    """
    wanted = list(dict.fromkeys(run))
    with database.read() as session:
        place = cursor(events.store_id(session), events.last_id(session))
        compared = _read(session, wanted)
        drawn = _curves(session, wanted) if curves else {}
        thinned = _is_any_thinned(drawn) if curves else _would_be_thinned(session, wanted)
        endings = Endings(
            points.last_nonfinite(session, wanted, CURVES), points.training_seconds(session, wanted)
        )
        names = recipes.names(session, _parents(compared))
    fields = fields_of([one.spec for one in compared])
    differing = [field for field in fields if field.differs]
    called = _called(compared, differing, names)
    found = verdict(
        [Contender(label, one.accuracy, one.images) for label, one in zip(called, compared, strict=True)]
    )
    items = [item(one, called[n], n, endings) for n, one in enumerate(compared)]
    return CompareWire(
        cursor=place,
        items=items,
        runs=_runs(compared, wanted),
        differs=[_difference(field, compared, names) for field in differing],
        same=[
            SameWire(path=field.path, title=field.title, value=shown(field.path, field.values[0], names))
            for field in fields
            if not field.differs
        ],
        series=drawn,
        verdict=_verdict(found, items),
        warnings=warnings(compared, called, thinned=thinned),
    )


def _read(session: Session, wanted: list[int]) -> list[Compared]:
    """Return the recipes of these runs, in the order of `wanted`.

    Raises:
        NotFound: a run is not there.
    """
    rows = {row.run.id: row for row in runs.by_ids(session, wanted)}
    facts = recipes.facts(session, run_ids=wanted)
    there = rows.keys() & {run.id for run in facts}
    for run_id in wanted:
        if run_id not in there:
            raise NotFound("run", run_id)
    order = dict.fromkeys(rows[run_id].run.recipe_id for run_id in wanted)
    seeds = recipes.seeds(session, order)
    found = []
    for recipe in order:
        own = [run for run in facts if run.recipe_id == recipe]
        newest = rows[own[0].id]
        spec = whole_spec(newest.run.spec)
        found.append(Compared(newest.recipe_hash, newest.run.name, spec, own, seeds[recipe], judged(own)))
    return found


def _parents(compared: list[Compared]) -> set[str]:
    """Return the recipes that any of these starts from, by their hashes."""
    holders = [part for one in compared for part in (one.spec.get("model"), one.spec.get("features")) if part]
    return {
        weights["parent"] for part in holders if (weights := part.get("weights")) and weights.get("parent")
    }


def _called(compared: list[Compared], differing: list[Field], names: dict[str, str]) -> list[str]:
    found = labels(differing, len(compared), names)
    return [label or one.name for label, one in zip(found, compared, strict=True)]


def _runs(compared: list[Compared], wanted: list[int]) -> list[ComparedRunWire]:
    found = {
        run.id: ComparedRunWire(
            id=run.id,
            name=one.name,
            recipe=one.short,
            seed=run.seed,
            state=RunState(run.state),
            epoch=(run.summary or {}).get("epoch", 0),
            epochs=run.epochs,
            counted=any(outcome.run == run.id for outcome in one.accuracy.counted),
        )
        for one in compared
        for run in one.facts
    }
    return [found[run_id] for run_id in wanted]


def _difference(field: Field, compared: list[Compared], names: dict[str, str]) -> DifferenceWire:
    values = {
        one.short: shown(field.path, value, names) for one, value in zip(compared, field.values, strict=True)
    }
    return DifferenceWire(path=field.path, title=field.title, values=values)


def _curves(session: Session, wanted: list[int]) -> dict[int, dict[str, CurveWire]]:
    read = points.each(session, wanted, [*CURVES, "epoch_seconds"])
    found = {run_id: figures.curves(series, len(wanted)) for run_id, series in read}
    return {
        run_id: {name: _curve_wire(curve) for name, curve in found.get(run_id, {}).items()}
        for run_id in wanted
    }


def _curve_wire(curve: Curve) -> CurveWire:
    return CurveWire(
        epochs=curve.epochs,
        values=curve.values,
        seconds=curve.seconds,
        nonfinite=curve.nonfinite,
        thinned=curve.thinned,
    )


def _is_any_thinned(drawn: dict[int, dict[str, CurveWire]]) -> bool:
    return any(curve.thinned for of_run in drawn.values() for curve in of_run.values())


def _would_be_thinned(session: Session, wanted: list[int]) -> bool:
    return points.longest(session, wanted, CURVES) > figures.most_points(len(wanted))


def _verdict(found: Verdict, items: list[ComparedWire]) -> VerdictWire:
    helped = [items[place] for place in found.needs_seeds]
    return VerdictWire(
        text=found.text,
        question=found.question,
        best=None if found.best is None else items[found.best].recipe,
        separated=found.separated,
        more_seeds=[
            SeedsWire(recipe=one.recipe, label=one.label, clone=one.clone, seeds=one.next_seeds)
            for one in helped
        ],
    )
