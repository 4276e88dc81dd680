"""Every cell of a report's tables: what its recipe has there over seeds, and the verdict on each reference that is shown."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.analysis.prediction import Judgement
from backend.analysis.replication import Cell, Measured, measured, replicated
from backend.catalog.presets import Planned
from backend.catalog.references import COLUMNS
from backend.references.tables import Reference, ReferenceTable
from backend.report.replicates import Replicates


@dataclass(frozen=True)
class Chosen:
    """A reference that is shown, with the tolerance of its verdicts in points."""

    reference: Reference
    tolerance_points: float


@dataclass(frozen=True)
class Held:
    """One reference beside one recipe. `table` is None where it has none for this experiment."""

    chosen: Chosen
    table: ReferenceTable | None
    differing: Sequence[Mapping[str, str]]

    def cell(self, metric: str, epoch: int, found: Measured, *, is_last: bool) -> Cell:
        """Return what was measured at a place, judged by this reference's number there."""
        return replicated(
            self.table.value(metric, epoch, is_last=is_last) if self.table else None,
            found,
            metric=metric,
            differing=[one["field"] for one in self.differing],
            tolerance_points=self.chosen.tolerance_points,
        )


def measured_at(runs: Replicates, metric: str, epoch: int, images: int | None = None) -> Measured:
    """Return what the runs that count have at a place; `images` tell how sure a single accuracy is."""
    return measured(runs.values(metric, epoch), images if metric == "test_acc" else None)


def cells_of_row(
    epoch: int, runs: Replicates, held: Sequence[Held], *, is_last: bool, images: int | None
) -> dict[str, Any]:
    """Return the cells of one epoch: what was measured by metric, and by reference and metric what is said of it."""
    found = {metric: measured_at(runs, metric, epoch, images) for metric in COLUMNS}
    return {
        "cells": {metric: measured_wire(one) for metric, one in found.items()},
        "judged": [
            {
                metric: _judged(one.cell(metric, epoch, found[metric], is_last=is_last), metric)
                for metric in COLUMNS
            }
            for one in held
        ],
    }


def measured_wire(found: Measured) -> dict[str, Any]:
    """Return what was measured at a place; `values` where there are two, which have no interval."""
    return {
        "n": found.n,
        "kind": found.kind,
        "mean": found.mean,
        "half": found.half_width,
        "low": found.interval.low if found.interval else None,
        "high": found.interval.high if found.interval else None,
        "values": list(found.values) if found.kind == "two" else None,
    }


def _judged(cell: Cell, metric: str) -> dict[str, Any] | None:
    """Return what is said of a published number; None for one that is not there, or cannot be read."""
    if cell.judgement is None:
        return None
    return {"published": cell.published, **judgement_wire(cell.judgement, metric)}


def judgement_wire(judgement: Judgement, metric: str) -> dict[str, Any]:
    """Return a verdict; `delta` is in points for accuracies, in nats for losses."""
    scale = 100 if metric.endswith("acc") else 1
    return {
        "delta": None if judgement.delta is None else scale * judgement.delta,
        "outcome": judgement.outcome,
        "text": judgement.text,
    }


def references_wire(
    held: Sequence[Held], rows: Sequence[Mapping[str, Any]], ending: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """Return each reference beside an experiment: its table, where its protocol differs, its verdicts counted."""
    return [
        {
            "name": one.chosen.reference.name,
            "title": one.chosen.reference.title,
            "tolerance_points": one.chosen.tolerance_points,
            "table": one.table.table if one.table else None,
            "there": one.table is not None,
            "protocol": list(one.differing),
            "verdict": ending["judged"][place]["test_acc"] if ending else None,
            "outcomes": dict(
                Counter(
                    judged["outcome"] for row in rows for judged in row["judged"][place].values() if judged
                )
            ),
        }
        for place, one in enumerate(held)
    ]


def table_for(reference: Reference, planned: Planned) -> ReferenceTable | None:
    """Return the table of a reference that is of a recipe of the report, by the name of its preset."""
    return reference.tables.get(planned.preset or "")
