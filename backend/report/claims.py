"""What the report states of two of its experiments, beside what its numbers say and what was measured."""

import statistics
from typing import Any

from backend.analysis.comparisons import compared, implied, is_contradicted, remark_on, stated_otherwise
from backend.analysis.numerals import counted, listed
from backend.analysis.published import meant_instead
from backend.catalog.presets import Planned, preset
from backend.catalog.reports import Claim, ComparisonPart
from backend.contract import RunState
from backend.report.claim_tests import ClaimTests, tests_wire
from backend.report.experiments import final_accuracy
from backend.report.material import ACTIVE, Material
from backend.store.reports import StoredRun


def comparison_block(part: ComparisonPart, material: Material, tests: ClaimTests) -> dict[str, Any]:
    """Return the block that holds the stated sentences of a section."""
    items = [_item(claim, material, tests) for claim in part.items]
    return {"kind": "comparison", "id": part.id, "title": part.title, "items": items}


def _item(claim: Claim, material: Material, tests: ClaimTests) -> dict[str, Any]:
    better, worse = material.tables[claim.better], material.tables[claim.worse]
    here, there = better.last("test_acc"), worse.last("test_acc")
    published, remark = "one of the two last epochs cannot be read in the published copy", None
    if here is not None and there is not None:
        published = compared(here, there)
        names = {"better_name": f"Table {better.table}", "worse_name": f"Table {worse.table}"}
        remark = remark_on(claim.percent, here, there, **names)
        if is_contradicted(claim.percent, here, there):
            meant = meant_instead(worse, implied(claim.percent, here), material.tables.values())
            remark = f"{remark} {meant}" if meant else remark
    sides = [material.plan.cells[name] for name in (claim.better, claim.worse)]
    runs = [material.run_of(side) for side in sides]
    accuracies = [_accuracy(side, material) for side in sides]
    here, there = accuracies
    return {
        "stated": claim.stated,
        "published": published,
        "remark": remark,
        "measured": _measured(sides, runs, accuracies, material),
        "otherwise": None if here is None or there is None else stated_otherwise(claim.percent, here, there),
        "note": _note(sides, runs, material),
        "tests": tests_wire(claim, tests, material),
        "run_ids": sorted({run.id for side in sides for run in material.launched_of(side)}),
    }


def _accuracy(side: Planned, material: Material) -> float | None:
    """Return the mean over the seeds that count, of the last epoch; else that of the run that is shown."""
    endings = material.replicates_of(side).endings("test_acc")
    return statistics.fmean(endings.values()) if endings else final_accuracy(material.run_of(side))


def _measured(
    sides: list[Planned], runs: list[StoredRun | None], accuracies: list[float | None], material: Material
) -> str:
    if not any(runs) and None in accuracies:
        return "not measured yet: neither is launched"
    lacking = [
        f"{_title(side)} {_standing(run)}"
        for side, run, accuracy in zip(sides, runs, accuracies, strict=True)
        if accuracy is None
    ]
    if lacking:
        return f"not measured yet: {listed(lacking)}"
    better, worse = accuracies
    assert better is not None
    assert worse is not None
    seeds = [material.replicates_of(side).n for side in sides]
    over = f" (means over {seeds[0]} and {counted(seeds[1], 'seed')})" if max(seeds) > 1 else ""
    return f"{compared(better, worse)}{over}"


def _standing(run: StoredRun | None) -> str:
    if run is None:
        return "is not launched"
    if run.state == RunState.COMPLETED:
        return f"(run {run.id}) has no last test accuracy that is a number"
    if run.state in (RunState.FAILED, RunState.CANCELLED):
        return f"(run {run.id}) {'failed' if run.state == RunState.FAILED else 'was cancelled'}"
    at = f" after epoch {run.epoch} of {run.epochs}" if run.epoch else ""
    return f"(run {run.id}) is {run.state}{at}"


def _note(sides: list[Planned], runs: list[StoredRun | None], material: Material) -> str | None:
    """Say what weakens a measured comparison: chance, other test images, other numbers of training images."""
    if any(run is None or run.state in ACTIVE for run in runs):
        return None
    said = []
    guessing = [
        _title(side)
        for side, run in zip(sides, runs, strict=True)
        if final_accuracy(run) is not None and _is_at_chance(side, material)
    ]
    if guessing:
        said.append(
            f"{listed(guessing)} {'does' if len(guessing) == 1 else 'do'} no better than guessing, so this says little."
        )
    sets = [run.predicted.test_set for run in runs if run and run.predicted]
    if len(set(sets)) > 1:
        said.append("They were tested on different images.")
    counts = [material.train_images(side) for side in sides]
    if counts[0] and counts[1] and counts[0] != counts[1]:
        said.append(f"They were trained on {counts[0]:,} and on {counted(counts[1], 'image')}.")
    return " ".join(said) or None


def _is_at_chance(side: Planned, material: Material) -> bool:
    outcome = material.outcome_of(side)
    return outcome is not None and outcome.at_chance


def _title(planned: Planned) -> str:
    assert planned.preset
    return preset(planned.preset).title
