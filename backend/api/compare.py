"""Several runs beside each other, by their recipes: GET /api/compare, and what belongs to it."""

from typing import Annotated

from fastapi import APIRouter, Query

from backend.analysis.differences import Field, shown
from backend.analysis.intervals import wilson
from backend.analysis.verdicts import Verdict, verdict
from backend.api import compare_curves
from backend.api.compare_findings import findings_between
from backend.api.compare_reading import AskedDep, ChoiceQuery, Comparison, read
from backend.api.compare_warnings import warnings
from backend.api.compared import Compared, item, last_value
from backend.api.deps import DatabaseDep
from backend.api.problems import RESPONSES
from backend.api.wire import cursor
from backend.api.wire_recipes import (
    ComparedRunWire,
    ComparedWire,
    CompareWire,
    DifferenceWire,
    SameWire,
    SeedsWire,
    VerdictWire,
)
from backend.contract import RunState
from backend.figures.compare import CURVES
from backend.store import events
from backend.store.recipes import RunFacts

router = APIRouter(prefix="/api/compare", tags=["compare"], responses=RESPONSES)


@router.get("")
def compare_runs(
    database: DatabaseDep,
    asked: AskedDep,
    curves: bool = True,
    value: ChoiceQuery = "last",
    target: Annotated[
        float | None,
        Query(ge=0, le=1, allow_inf_nan=False, description="Test accuracy to be reached, a share."),
    ] = None,
    fields: bool = True,
) -> CompareWire:
    """Return what differs between the recipes of these runs, how good each is, and the curves of each run.

    Recipes come in the order of the runs that were asked for. `curves=false` leaves the curves out: there are all of one
    metric at `/api/compare/curves`. `fields=false` leaves out what differs and what is the same, which no run changes.
    """
    with database.read() as session:
        place = cursor(events.store_id(session), events.last_id(session))
        found = read(session, asked, value, target)
        between = findings_between(session, found)
        drawn = compare_curves.of_few_runs(session, found) if curves else {}
    thinned = compare_curves.are_thinned(drawn) if curves else compare_curves.would_be_thinned(found)
    items = [
        item(one, label, n, found.measured)
        for n, (one, label) in enumerate(zip(found.compared, found.called, strict=True))
    ]
    return CompareWire(
        cursor=place,
        value=value,
        target=target,
        items=items,
        runs=_runs(found),
        differs=[_difference(field, found) for field in found.differing] if fields else [],
        same=_same(found) if fields else [],
        series=drawn,
        verdict=_verdict(verdict(found.contenders), items),
        warnings=warnings(found.compared, found.called, thinned=thinned, value=value),
        findings=between,
    )


def _runs(found: Comparison) -> list[ComparedRunWire]:
    wires = {run.id: _run(one, run, found) for one in found.compared for run in one.facts}
    return [wires[run_id] for run_id in found.wanted]


def _run(one: Compared, run: RunFacts, found: Comparison) -> ComparedRunWire:
    measured = found.measured
    chosen = measured.chosen.get(run.id)
    accuracy = chosen.values.get("test_acc") if chosen else None
    interval = wilson(accuracy, run.images) if accuracy is not None and run.images else None
    return ComparedRunWire(
        id=run.id,
        name=one.name,
        recipe=one.short,
        seed=run.seed,
        state=RunState(run.state),
        epoch=(run.summary or {}).get("epoch", 0),
        epochs=run.epochs,
        counted=run.id in one.counted_runs,
        chosen=chosen.epoch if chosen else None,
        values={metric: last_value(metric, run.id, measured) for metric in CURVES},
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        seconds=measured.seconds.get(run.id),
        energy_wh=measured.energy_wh.get(run.id),
        device=measured.devices.get(run.id),
    )


def _difference(field: Field, found: Comparison) -> DifferenceWire:
    by_recipe = {one.short: value for one, value in zip(found.compared, field.values, strict=True)}
    values = {short: shown(field.path, value, found.names) for short, value in by_recipe.items()}
    are_numbers = all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in field.values
    )
    return DifferenceWire(
        path=field.path, title=field.title, values=values, numbers=by_recipe if are_numbers else None
    )


def _same(found: Comparison) -> list[SameWire]:
    return [
        SameWire(path=field.path, title=field.title, value=shown(field.path, field.values[0], found.names))
        for field in found.fields
        if not field.differs
    ]


def _verdict(found: Verdict, items: list[ComparedWire]) -> VerdictWire:
    helped = [items[place] for place in found.needs_seeds]
    return VerdictWire(
        text=found.text,
        question=found.question,
        best=None if found.best is None else items[found.best].recipe,
        runner_up=None if found.runner_up is None else items[found.runner_up].recipe,
        separated=found.separated,
        decided_by=None if found.separated is None else "welch" if found.p is not None else "wilson",
        p=found.p,
        family=found.family,
        more_seeds=[
            SeedsWire(recipe=one.recipe, label=one.label, clone=one.clone, seeds=one.next_seeds)
            for one in helped
        ],
    )
