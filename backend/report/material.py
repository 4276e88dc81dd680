"""What a report is made from: its outline, its published tables, its recipes, and the runs that stand for them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from backend.catalog.presets import Planned, preset
from backend.catalog.references import PublishedTable
from backend.catalog.reports import Report
from backend.contract import RunState
from backend.launching import Images
from backend.report.cells import Chosen
from backend.report.outcomes import Outcome, outcome
from backend.report.replicates import Replicates
from backend.reporting import ReportPlan
from backend.store.replicates import Launched
from backend.store.reports import Found, Key, StoredRun

ACTIVE = (RunState.RUNNING, RunState.CANCELLING, RunState.QUEUED, RunState.WAITING)


@dataclass(frozen=True)
class Ancestor:
    """What a recipe starts from, with the run that really is or would be it. `lost` is why there is none any more."""

    planned: Planned
    run: StoredRun | None
    lost: str | None = None


@dataclass(frozen=True)
class Material:
    """`images` are the data sets that are there, by name; `tables` the published ones by experiment.

    `seeds` are all that have runs, `seed` is the one that is shown. By recipe: `counted` are its completed runs over all
    seeds, `launched` all that there are. `chosen` are the references that are shown beside them, the main one first.
    """

    report: Report
    plan: ReportPlan
    tables: Mapping[str, PublishedTable]
    images: Mapping[str, Images]
    found: Found
    seeds: list[int]
    seed: int
    counted: Mapping[str, Replicates] = field(default_factory=dict)
    launched: Mapping[str, Sequence[Launched]] = field(default_factory=dict)
    chosen: Sequence[Chosen] = ()

    def replicates_of(self, planned: Planned) -> Replicates:
        """Return the runs of a recipe that count, over all seeds."""
        return self.counted.get(planned.spec.recipe_hash(), Replicates())

    def launched_of(self, planned: Planned) -> Sequence[Launched]:
        """Return every run of a recipe, the newest first."""
        return self.launched.get(planned.spec.recipe_hash(), ())

    def run_of(self, planned: Planned) -> StoredRun | None:
        """Return the run that stands for a recipe of the plan with the seed of this view."""
        return self.found.shown.get((planned.spec.recipe_hash(), self.seed))

    def outcome_of(self, planned: Planned) -> Outcome | None:
        """Return what became of the run of a recipe; None where there is none, or nothing tells."""
        return self._outcomes.get(planned.spec.recipe_hash())

    @cached_property
    def _outcomes(self) -> dict[str, Outcome | None]:
        """By recipe: predictions are counted once, though several blocks speak of them."""
        shown = {
            one.spec.recipe_hash(): one for one in (*self.plan.cells.values(), *self.plan.sweep.values())
        }
        return {
            recipe: outcome(run, self.images.get(one.spec.dataset.name), self.test_images(one))
            for recipe, one in shown.items()
            if (run := self.run_of(one)) is not None
        }

    def ancestors(self, planned: Planned) -> Iterator[Ancestor]:
        """Yield what a recipe starts from, the nearest first.

        A run that has begun keeps its parent until that is deleted: another run of its recipe is not what it saw.
        """
        seed, child, lost = self.seed, self.run_of(planned), None
        while planned.parent is not None:
            seed = parent_seed(planned, seed)
            planned = planned.parent
            parent = self.found.parent_of(child)
            if lost is not None:
                lost = "its run is not known any more"
            elif parent is None and child is not None and child.attempt > 0:
                lost = "deleted since"
            elif parent is None:
                parent = self.found.shown.get((planned.spec.recipe_hash(), seed))
            child = parent
            yield Ancestor(planned, parent, lost)

    def train_images(self, planned: Planned) -> int | None:
        """Return how many images a recipe trains on; None where its data set is not there."""
        known = self.images.get(planned.spec.dataset.name)
        return limited(planned.spec.dataset.train_limit, known.train_count if known else None)

    def test_images(self, planned: Planned) -> int | None:
        """Return how many images a recipe is tested on; None where its data set is not there."""
        known = self.images.get(planned.spec.dataset.name)
        return limited(planned.spec.dataset.test_limit, known.test_count if known else None)

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


def limited(limit: int | None, there: int | None) -> int | None:
    return there if limit is None or there is None else min(limit, there)
