"""Where a report stands: what is done, what is on its way, what is missing."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from backend.catalog.presets import Planned
from backend.contract import FINAL, RunState
from backend.report.material import ACTIVE, Material, wanted_runs
from backend.store.launches import UNUSABLE
from backend.store.reports import Key, StoredRun

UNDONE = (RunState.FAILED, RunState.CANCELLED)


def missing(material: Material) -> dict[Key, Planned]:
    """Return the recipes that a launch with this seed would queue."""
    found = material.found.shown
    return {
        key: planned
        for key, planned in wanted_runs(material.plan, material.seed).items()
        if key not in found or found[key].state in UNUSABLE
    }


def standing(material: Material, now: float) -> dict[str, Any]:
    """Return the counts of a report, and one line that tells them."""
    runs = list(material.found.shown.values())
    return {
        "runs": len(wanted_runs(material.plan, material.seed)),
        "states": dict(Counter(str(run.state) for run in runs)),
        "missing": len(missing(material)),
        "run_ids": sorted(run.id for run in runs),
        "seconds": seconds(material.found.by_id.values(), now),
        "summary": summary(material),
    }


def seconds(runs: Iterable[StoredRun], now: float) -> float | None:
    """Return for how long any of these runs was on its way, from its start to its end or to now.

    What ran side by side counts once, the idle time in between not at all. None where nothing has started.
    """
    begun = sorted(
        (run.started_at, now if run.finished_at is None else run.finished_at)
        for run in runs
        if run.started_at is not None
    )
    if not begun:
        return None
    total, covered = 0.0, begun[0][0]
    for started, finished in begun:
        total += max(0.0, finished - max(started, covered))
        covered = max(covered, finished)
    return total


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
