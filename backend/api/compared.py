"""One recipe of a comparison: its runs that were asked for, what it is judged by, and what the table shows of it."""

import statistics
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from backend.analysis.recipes import Accuracy, next_seeds, seeds_wanted
from backend.api.wire_recipes import ComparedWire, LastValueWire, TargetWire, accuracy_wire, best_wire
from backend.contract import RunState
from backend.figures.compare import CURVES
from backend.store.comparing import Chosen, Reached
from backend.store.recipes import RunFacts

LOST = (RunState.FAILED, RunState.CANCELLED)
"""States of a run that will add nothing."""


GPU = "cuda"


@dataclass(frozen=True)
class Measured:
    """What is stored of the runs of a comparison beside their specs, each by run.

    `chosen` are the values of the epoch that stands for a run; `seconds` and `energy_wh` are of the whole training, where
    they are known of each epoch; `reached` is None where no target was asked for.
    """

    chosen: Mapping[int, Chosen]
    seconds: Mapping[int, float]
    energy_wh: Mapping[int, float]
    devices: Mapping[int, str]
    reached: Mapping[int, Reached] | None


@dataclass(frozen=True)
class Compared:
    """One recipe of the comparison, with those of its runs that were asked for, the newest first."""

    hash: str
    name: str
    spec: dict[str, Any]
    facts: list[RunFacts]
    seeds: list[int]
    accuracy: Accuracy
    images_an_epoch: int | None = None
    """How many images an epoch trains on; None where its data set is not known here."""

    @property
    def short(self) -> str:
        return self.hash[:12]

    @property
    def images(self) -> tuple[Hashable, Hashable]:
        """What its spec says that it is tested on: the data set, and how many of its images."""
        dataset = self.spec["dataset"]
        return dataset.get("name"), dataset.get("test_limit")

    @cached_property
    def counted_runs(self) -> frozenset[int]:
        return frozenset(outcome.run for outcome in self.accuracy.counted)

    @cached_property
    def judged_by(self) -> list[RunFacts]:
        """The runs that count; where none has completed those that may yet, one a seed."""
        if self.counted_runs:
            return [run for run in self.facts if run.id in self.counted_runs]
        on_their_way = [run for run in self.facts if run.state not in LOST and run.summary]
        return list({run.seed: run for run in reversed(on_their_way)}.values())


def item(one: Compared, label: str, place: int, measured: Measured) -> ComparedWire:
    """Return what the table shows of a recipe, called `label`, at a place of the comparison."""
    judged_by = one.judged_by
    ids = [run.id for run in judged_by]
    hours = gpu_hours(one, measured)
    energy = _mean(measured.energy_wh, ids)
    mean = one.accuracy.mean
    return ComparedWire(
        recipe=one.short,
        label=label,
        name=one.name,
        runs=sorted(run.id for run in one.facts),
        color_index=place,
        accuracy=accuracy_wire(one.accuracy),
        final={metric: _mean_value(metric, ids, measured) for metric in CURVES},
        so_far=not one.accuracy.counted,
        best=best_wire(one.facts),
        seconds=_mean(measured.seconds, ids),
        gpu_hours=hours,
        per_gpu_hour=mean / hours if mean is not None and hours else None,
        energy_wh=energy,
        per_wh=mean / energy if mean is not None and energy else None,
        reached=_target(ids, measured),
        images_an_epoch=one.images_an_epoch,
        epochs=one.facts[0].epochs,
        clone=one.facts[0].id,
        next_seeds=next_seeds(one.seeds, seeds_wanted(one.accuracy.n)),
    )


def gpu_hours(one: Compared, measured: Measured) -> float | None:
    """Return the mean GPU-hours of a training, all its devices together; None where one was on no GPU or has no time."""
    ids = [run.id for run in one.judged_by]
    seconds = _mean(measured.seconds, ids)
    on_gpu = all(measured.devices.get(run) == GPU for run in ids)
    return seconds / 3600 * (one.spec.get("devices") or 1) if on_gpu and seconds else None


def last_value(metric: str, run: int, measured: Measured) -> LastValueWire:
    """Return a metric of one run at the epoch that stands for it."""
    chosen = measured.chosen.get(run)
    if chosen is None:
        return LastValueWire(value=None, nonfinite=None)
    return LastValueWire(value=chosen.values.get(metric), nonfinite=chosen.nonfinite.get(metric))


def _mean_value(metric: str, ids: Sequence[int], measured: Measured) -> LastValueWire:
    values = [last_value(metric, run, measured) for run in ids]
    known = [one.value for one in values if one.value is not None]
    if known and len(known) == len(values):
        return LastValueWire(value=statistics.fmean(known), nonfinite=None)
    return LastValueWire(value=None, nonfinite=next((one.nonfinite for one in values if one.nonfinite), None))


def _mean(by_run: Mapping[int, float], ids: Sequence[int]) -> float | None:
    """Return the mean over these runs; None where it is not known of each."""
    known = [by_run[run] for run in ids if run in by_run]
    return statistics.fmean(known) if known and len(known) == len(ids) else None


def _target(ids: Sequence[int], measured: Measured) -> TargetWire | None:
    """Return when a recipe met the target: a mean over the runs only where all of them did."""
    if measured.reached is None:
        return None
    met = [measured.reached[run] for run in ids if run in measured.reached]
    if not met or len(met) < len(ids):
        return TargetWire(runs=len(met), of=len(ids), epoch=None, seconds=None)
    seconds = [one.seconds for one in met if one.seconds is not None]
    return TargetWire(
        runs=len(met),
        of=len(ids),
        epoch=statistics.fmean(one.epoch for one in met),
        seconds=statistics.fmean(seconds) if len(seconds) == len(met) else None,
    )
