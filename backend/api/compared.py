"""One recipe of a comparison: its runs that were asked for, what it is judged by, and what the table shows of it."""

import statistics
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from backend.analysis.recipes import Accuracy, next_seeds, seeds_wanted
from backend.api.wire_recipes import ComparedWire, LastValueWire, accuracy_wire, best_wire
from backend.contract import RunState
from backend.figures.compare import CURVES, elapsed_seconds
from backend.store.points import Series
from backend.store.recipes import RunFacts

LOST = (RunState.FAILED, RunState.CANCELLED)
"""States of a run that will add nothing."""

SeriesByRun = Mapping[int, Mapping[str, Series]]


@dataclass(frozen=True)
class Compared:
    """One recipe of the comparison, with those of its runs that were asked for, the newest first."""

    hash: str
    name: str
    spec: dict[str, Any]
    facts: list[RunFacts]
    seeds: list[int]
    accuracy: Accuracy

    @property
    def short(self) -> str:
        return self.hash[:12]

    @property
    def images(self) -> Hashable:
        """What it was tested on: the very images, or where these are not known what the spec says."""
        dataset = self.spec["dataset"]
        return self.accuracy.test_set or (dataset.get("name"), dataset.get("test_limit"))

    @property
    def judged_by(self) -> list[RunFacts]:
        """The runs that count; where none has completed those that may yet, one a seed."""
        counted = {outcome.run for outcome in self.accuracy.counted}
        if counted:
            return [run for run in self.facts if run.id in counted]
        on_their_way = [run for run in self.facts if run.state not in LOST and run.summary]
        return list({run.seed: run for run in reversed(on_their_way)}.values())


def item(one: Compared, label: str, place: int, series: SeriesByRun) -> ComparedWire:
    """Return what the table shows of a recipe, called `label`, at a place of the comparison."""
    runs_judged = one.judged_by
    return ComparedWire(
        recipe=one.short,
        label=label,
        name=one.name,
        runs=sorted(run.id for run in one.facts),
        color_index=place,
        accuracy=accuracy_wire(one.accuracy),
        final={metric: _last(metric, runs_judged, series) for metric in CURVES},
        so_far=not one.accuracy.counted,
        best=best_wire(one.facts),
        seconds=_mean_seconds(runs_judged, series),
        epochs=one.facts[0].epochs,
        clone=one.facts[0].id,
        next_seeds=next_seeds(one.seeds, seeds_wanted(one.accuracy.n)),
    )


def _last(metric: str, judged_by: list[RunFacts], series: SeriesByRun) -> LastValueWire:
    values = [run.last.get(metric) for run in judged_by]
    known = [value for value in values if value is not None]
    if known and len(known) == len(values):
        return LastValueWire(value=statistics.fmean(known), nonfinite=None)
    words = [_nonfinite(run, metric, series) for run in judged_by]
    return LastValueWire(value=None, nonfinite=next(filter(None, words), None))


def _nonfinite(run: RunFacts, metric: str, series: SeriesByRun) -> str | None:
    found = series.get(run.id, {}).get(metric, Series())
    return found.nonfinite.get((run.summary or {}).get("epoch", 0))


def _mean_seconds(judged_by: list[RunFacts], series: SeriesByRun) -> float | None:
    """Return the mean training time; None where it is not known of each run."""
    times = [elapsed_seconds(series.get(run.id, {}).get("epoch_seconds", Series())) for run in judged_by]
    totals = [
        time.get((run.summary or {}).get("epoch", 0)) for run, time in zip(judged_by, times, strict=True)
    ]
    known = [total for total in totals if total is not None]
    return statistics.fmean(known) if known and len(known) == len(totals) else None
