"""What stands beside a published table: its references, the seeds that count, and the curves of both."""

from typing import Any

from backend.analysis.intervals import FEWEST_SEEDS
from backend.catalog.presets import Planned
from backend.catalog.references import PublishedTable
from backend.catalog.reports import ExperimentPart
from backend.figures.report import METRICS_SHOWN, beside_figure
from backend.references.tables import PUBLISHED
from backend.report.cells import Held, measured_at, table_for
from backend.report.material import Material
from backend.report.protocol import differences
from backend.report.replicates import Replicates
from backend.report.seeds import seeds_to_add
from backend.report.stated import stated_differences
from backend.store.reports import StoredRun


def references_beside(part: ExperimentPart, planned: Planned, material: Material) -> list[Held]:
    """Return the references that are shown beside an experiment, each with where its protocol differs."""
    found = []
    for chosen in material.chosen:
        table = table_for(chosen.reference, planned)
        if table is None:
            differing = []
        elif chosen.reference.name == PUBLISHED:
            differing = differences(part, material.tables[part.preset], planned, material)
        else:
            differing = stated_differences(
                table, planned.spec, material.images.get(planned.spec.dataset.name)
            )
        found.append(Held(chosen, table, differing))
    return found


def seeds_wire(planned: Planned, seeds: Replicates, material: Material) -> dict[str, Any]:
    """Return how many seeds count, by which runs, every run of the recipe, and the launch that brings three."""
    return {
        "n": seeds.n,
        "runs": seeds.ids,
        "run_ids": sorted(run.id for run in material.launched_of(planned)),
        "left_out": seeds.about_left_out,
        "add": seeds_to_add(planned, material, FEWEST_SEEDS),
    }


def figure_beside(
    table: PublishedTable, run: StoredRun | None, seeds: Replicates, held: list[Held], epochs: int
) -> dict[str, Any]:
    """Draw the mean over seeds with its band where there are several, else the run that is shown."""
    means = {
        metric: [(epoch, measured_at(seeds, metric, epoch)) for epoch in range(1, epochs + 1)]
        for metric in METRICS_SHOWN
    }
    dashed = [
        (one.chosen.reference.name, one.chosen.reference.title, one.table)
        for one in held
        if one.table is not None
    ]
    series = run.series if run else {}
    return beside_figure(table, series, epochs, means=means if seeds.n > 1 else None, dashed=dashed)
