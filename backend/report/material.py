"""What a report is made from: its outline, its published tables, its recipes, and the runs that stand for them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from backend.catalog.presets import Planned, preset
from backend.catalog.references import PublishedTable
from backend.catalog.reports import Report
from backend.contract import RunState
from backend.launching import Images
from backend.reporting import ReportPlan
from backend.store.reports import Found, Key, StoredRun

ACTIVE = (RunState.RUNNING, RunState.CANCELLING, RunState.QUEUED, RunState.WAITING)


@dataclass(frozen=True)
class Material:
    """`images` are the data sets that are there, by name; `tables` the published ones by experiment.

    `seeds` are all that have runs, `seed` is the one that is shown.
    """

    report: Report
    plan: ReportPlan
    tables: Mapping[str, PublishedTable]
    images: Mapping[str, Images]
    found: Found
    seeds: list[int]
    seed: int

    def run_of(self, planned: Planned) -> StoredRun | None:
        """Return the run that stands for a recipe of the plan with the seed of this view."""
        return self.found.shown.get((planned.spec.recipe_hash(), self.seed))

    def ancestors(self, planned: Planned) -> "Iterator[tuple[Planned, StoredRun | None]]":
        """Yield what a recipe starts from, the nearest first, each with the run that really is or would be it."""
        seed, child = self.seed, self.run_of(planned)
        while planned.parent is not None:
            seed = parent_seed(planned, seed)
            planned = planned.parent
            usual = self.found.shown.get((planned.spec.recipe_hash(), seed))
            child = (self.found.parent_of(child) or usual) if child else usual
            yield planned, child

    def train_images(self, planned: Planned) -> int | None:
        """Return how many images a recipe trains on; None where its data set is not there."""
        known = self.images.get(planned.spec.dataset.name)
        return _limited(planned.spec.dataset.train_limit, known.train_count if known else None)

    def test_images(self, planned: Planned) -> int | None:
        """Return how many images a recipe is tested on; None where its data set is not there."""
        known = self.images.get(planned.spec.dataset.name)
        return _limited(planned.spec.dataset.test_limit, known.test_count if known else None)

    def title(self, planned: Planned) -> str:
        """Return what people call a recipe: "AlexNet pretrained in Runyard on glyphs"."""
        assert planned.preset
        known = preset(planned.preset)
        return f"{known.title} on {planned.spec.dataset.name}" if known.pretraining else known.title

    def architecture(self, name: str) -> str:
        return self.report.architectures.get(name, name)


def wanted_runs(plan: ReportPlan, seed: int) -> dict[Key, Planned]:
    """Return every recipe of a plan with the seed of its run, what it starts from before it."""
    found: dict[Key, Planned] = {}

    def add(planned: Planned, seed: int) -> None:
        if planned.parent is not None:
            add(planned.parent, parent_seed(planned, seed))
        found.setdefault((planned.spec.recipe_hash(), seed), planned)

    for planned in (*plan.cells.values(), *plan.sweep.values()):
        add(planned, seed)
    return found


def parent_seed(planned: Planned, seed: int) -> int:
    """Return the seed of the run that a recipe with a seed starts from."""
    return planned.spec.model_copy(update={"seed": seed}).parent_seed()


def _limited(limit: int | None, there: int | None) -> int | None:
    return there if limit is None or there is None else min(limit, there)
