"""Where a report stands: what is done, what is on its way, what is missing."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from backend.catalog.presets import Planned
from backend.contract import FINAL, RunState
from backend.report.material import ACTIVE, Material, wanted_runs
from backend.store.reports import Key, StoredRun

UNDONE = (RunState.FAILED, RunState.CANCELLED)


def missing(material: Material) -> dict[Key, Planned]:
    """Return the recipes that have no run with this seed but failed or cancelled ones."""
    found = material.found.shown
    return {
        key: planned
        for key, planned in wanted_runs(material.plan, material.seed).items()
        if key not in found or found[key].state in UNDONE
    }


def standing(material: Material, now: float) -> dict[str, Any]:
    """Return the counts of a report, and one line that tells them."""
    runs = list(material.found.shown.values())
    return {
        "runs": len(wanted_runs(material.plan, material.seed)),
        "states": dict(Counter(str(run.state) for run in runs)),
        "missing": len(missing(material)),
        "run_ids": sorted(run.id for run in runs),
        "seconds": seconds(runs, now),
        "summary": summary(material),
    }


def seconds(runs: Iterable[StoredRun], now: float) -> float | None:
    """Return the time from the first start to the last end, or to now while some are on their way."""
    begun = [run for run in runs if run.started_at is not None]
    if not begun:
        return None
    first = min(run.started_at for run in begun if run.started_at is not None)
    going = any(run.state in ACTIVE for run in runs)
    ends = [now if going or run.finished_at is None else run.finished_at for run in begun]
    return max(0.0, max(ends) - first)


def summary(material: Material) -> str:
    """Return "7 tables · 5 complete · 1 running · 1 not launched"."""
    tables = [material.plan.cells[part.preset] for part in material.report.experiments()]
    states = Counter(_word(material.run_of(planned)) for planned in tables)
    order = ["complete", *(str(state) for state in (*ACTIVE, *UNDONE)), "not launched"]
    return " · ".join(
        [f"{len(tables)} tables", *(f"{states[word]} {word}" for word in order if states[word])]
    )


def _word(run: StoredRun | None) -> str:
    if run is None:
        return "not launched"
    assert run.state in ACTIVE or run.state in FINAL
    return "complete" if run.state == RunState.COMPLETED else str(run.state)
