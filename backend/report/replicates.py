"""Which completed runs of a recipe count as its seeds in a report, and what they have at one place of its table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from backend.analysis.independence import Draw, independent
from backend.analysis.numerals import counted
from backend.store.replicates import Replicate


@dataclass(frozen=True)
class Replicates:
    """The runs that count, by seed; `left_out` are completed ones that are no further draws of the same number."""

    runs: tuple[Replicate, ...] = ()
    left_out: tuple[int, ...] = ()

    @property
    def n(self) -> int:
        return len(self.runs)

    @property
    def ids(self) -> list[int]:
        return [run.id for run in self.runs]

    @cached_property
    def _by_metric(self) -> dict[str, list[dict[int, float]]]:
        names = {name for run in self.runs for name in run.series}
        return {
            name: [run.series[name].by_epoch() for run in self.runs if name in run.series] for name in names
        }

    def values(self, metric: str, epoch: int) -> list[float]:
        """Return what the runs have at an epoch, NaN and infinity too; those that ended before are not among them."""
        return [one[epoch] for one in self._by_metric.get(metric, ()) if epoch in one]

    def endings(self, metric: str) -> dict[int, float]:
        """Return the last value of each run by seed, without those that are no numbers."""
        return {run.seed: value for run in self.runs if (value := run.last(metric)) is not None}

    def at_the_end(self, metric: str) -> list[float]:
        """Return what each run has at its last epoch, NaN and infinity too; those without a value there are left out."""
        return [value for run in self.runs if (value := run.at(metric, run.last_epoch)) is not None]

    @property
    def about_left_out(self) -> str | None:
        """Say how many completed runs do not count, and why; None where all do."""
        if not self.left_out:
            return None
        verb = "does" if len(self.left_out) == 1 else "do"
        return (
            f"{counted(len(self.left_out), 'completed run')} {verb} not count: a seed or a parent counts once, and only "
            "what was tested on the same images."
        )


def replicates(runs: Iterable[Replicate]) -> Replicates:
    """Choose the runs of one recipe that are independent draws of one number.

    What was tested on other images than the newest is none; where that is not known, the recipe says the same of it.
    """
    newest_first: Sequence[Replicate] = sorted(runs, key=lambda run: run.id, reverse=True)
    test_set = next((run.test_set for run in newest_first if run.test_set), None)
    fitting = {run.id: run for run in newest_first if run.test_set in (None, test_set)}
    draws = independent(Draw(run.id, run.seed, run.parent_id) for run in fitting.values())
    kept = tuple(fitting[draw.run] for draw in draws)
    kept_ids = {run.id for run in kept}
    return Replicates(kept, tuple(sorted(run.id for run in newest_first if run.id not in kept_ids)))


def by_recipe(runs: Iterable[Replicate]) -> dict[str, Replicates]:
    """Return what counts of each recipe, by its hash."""
    grouped: dict[str, list[Replicate]] = {}
    for run in runs:
        grouped.setdefault(run.recipe, []).append(run)
    return {recipe: replicates(group) for recipe, group in grouped.items()}
