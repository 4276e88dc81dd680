"""One recipe of a comparison: its runs that were asked for, what it is judged by, and what the table shows of it."""

import statistics
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from backend.analysis.recipes import Accuracy, next_seeds, seeds_wanted
from backend.api.wire_recipes import ComparedWire, LastValueWire, accuracy_wire, best_wire
from backend.contract import RunState
from backend.figures.compare import CURVES
from backend.store.recipes import RunFacts

LOST = (RunState.FAILED, RunState.CANCELLED)
"""States of a run that will add nothing."""


@dataclass(frozen=True)
class Endings:
    """What is shown of the last epochs, by run: the names of values that are no numbers, by metric, and the whole time."""

    nonfinite: Mapping[int, Mapping[str, str]]
    seconds: Mapping[int, float]


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
    def images(self) -> tuple[Hashable, Hashable]:
        """What its spec says that it is tested on: the data set, and how many of its images."""
        dataset = self.spec["dataset"]
        return dataset.get("name"), dataset.get("test_limit")

    @property
    def judged_by(self) -> list[RunFacts]:
        """The runs that count; where none has completed those that may yet, one a seed."""
        counted = {outcome.run for outcome in self.accuracy.counted}
        if counted:
            return [run for run in self.facts if run.id in counted]
        on_their_way = [run for run in self.facts if run.state not in LOST and run.summary]
        return list({run.seed: run for run in reversed(on_their_way)}.values())


def item(one: Compared, label: str, place: int, endings: Endings) -> ComparedWire:
    """Return what the table shows of a recipe, called `label`, at a place of the comparison."""
    runs_judged = one.judged_by
    return ComparedWire(
        recipe=one.short,
        label=label,
        name=one.name,
        runs=sorted(run.id for run in one.facts),
        color_index=place,
        accuracy=accuracy_wire(one.accuracy),
        final={metric: _last(metric, runs_judged, endings) for metric in CURVES},
        so_far=not one.accuracy.counted,
        best=best_wire(one.facts),
        seconds=_mean_seconds(runs_judged, endings),
        epochs=one.facts[0].epochs,
        clone=one.facts[0].id,
        next_seeds=next_seeds(one.seeds, seeds_wanted(one.accuracy.n)),
    )


def _last(metric: str, judged_by: list[RunFacts], endings: Endings) -> LastValueWire:
    values = [run.last.get(metric) for run in judged_by]
    known = [value for value in values if value is not None]
    if known and len(known) == len(values):
        return LastValueWire(value=statistics.fmean(known), nonfinite=None)
    words = [endings.nonfinite.get(run.id, {}).get(metric) for run in judged_by]
    return LastValueWire(value=None, nonfinite=next(filter(None, words), None))


def _mean_seconds(judged_by: list[RunFacts], endings: Endings) -> float | None:
    """Return the mean training time; None where it is not known of each run."""
    known = [endings.seconds[run.id] for run in judged_by if run.id in endings.seconds]
    return statistics.fmean(known) if known and len(known) == len(judged_by) else None
