"""The shapes of recipes: a page of them with their runs, and several of them compared."""

from collections.abc import Mapping
from typing import Literal

from backend.analysis.recipes import Accuracy, Outcome, accuracy_of
from backend.api.wire import BetweenWire, RunWire, Wire
from backend.contract import RunState
from backend.store.comparing import Chosen
from backend.store.recipes import RunFacts


class AccuracyWire(Wire):
    """The test accuracy of a recipe's completed runs, of which no two share a seed or a parent: `n` are independent.

    `low` and `high` bound a 95% interval: of one model by its `images` ("wilson"), of the mean over seeds ("t", `half_width`
    to both sides); they are null where there is none ("none", "two"). `values` and `seeds` are in the same order.
    """

    kind: Literal["none", "wilson", "two", "t"]
    mean: float | None
    low: float | None
    high: float | None
    half_width: float | None
    n: int
    values: list[float]
    seeds: list[int]
    images: int | None


class BestWire(Wire):
    """The highest test accuracy of any epoch of any run."""

    value: float
    epoch: int
    run: int


class RecipeWire(Wire):
    """A recipe with its runs, the newest first: 50 at most of `total`, and 500 on a page.

    `differs` says what is not as in its preset.
    """

    recipe: str
    name: str
    preset: str | None
    size: str | None
    differs: list[str]
    counts: dict[RunState, int]
    total: int
    runs: list[RunWire]
    accuracy: AccuracyWire
    best: BestWire | None


class RecipePageWire(Wire):
    """`next` is the `before` of the page that follows; `total` counts recipes, `counts` runs."""

    recipes: list[RecipeWire]
    next: int | None
    total: int
    counts: dict[str, int]
    cursor: str


class LastValueWire(Wire):
    """A mean over runs; null where any of them is no number, with its name in `nonfinite`."""

    value: float | None
    nonfinite: str | None


class ComparedRunWire(Wire):
    """`counted`: whether it is one of the values that its recipe's accuracy is made of.

    `values` are of epoch `chosen`, the one that stands for the run; `low` and `high` bound the 95% interval of its test
    accuracy as one trained model, by its test images (Wilson).
    """

    id: int
    name: str
    recipe: str
    seed: int
    state: RunState
    epoch: int
    epochs: int
    counted: bool
    chosen: int | None
    values: dict[str, LastValueWire]
    low: float | None
    high: float | None
    seconds: float | None
    energy_wh: float | None
    device: str | None


class TargetWire(Wire):
    """`runs` of `of` reached the target; `epoch` and `seconds` are means, null where not all of them did."""

    runs: int
    of: int
    epoch: float | None
    seconds: float | None


class ComparedWire(Wire):
    """One recipe of a comparison. `final`, `seconds` are means over its counted runs, or `so_far` over those on their way.

    So are `gpu_hours`, null where any trained on no GPU, and `energy_wh`, null where no device told it; `per_gpu_hour` and
    `per_wh` are the mean test accuracy, a share, divided by them. `reached` is null where no target was asked for.
    `next_seeds` are seeds that no run of it has, to be launched as clones of run `clone`.
    """

    recipe: str
    label: str
    name: str
    runs: list[int]
    color_index: int
    accuracy: AccuracyWire
    final: dict[str, LastValueWire]
    so_far: bool
    best: BestWire | None
    seconds: float | None
    gpu_hours: float | None
    per_gpu_hour: float | None
    energy_wh: float | None
    per_wh: float | None
    reached: TargetWire | None
    images_an_epoch: int | None
    epochs: int
    clone: int
    next_seeds: list[int]


class DifferenceWire(Wire):
    """A field of which the recipes have several values, as they are shown, by recipe.

    `numbers` are the values themselves where all of them are numbers: for the axes of a sweep.
    """

    path: str
    title: str
    values: dict[str, str]
    numbers: dict[str, float] | None


class SameWire(Wire):
    path: str
    title: str
    value: str


class CurveWire(Wire):
    """`seconds` is the training time up to each epoch. `thinned`: not every epoch is told."""

    epochs: list[int]
    values: list[float | None]
    seconds: list[float | None]
    nonfinite: dict[int, str]
    thinned: bool


class SeedsWire(Wire):
    recipe: str
    label: str
    clone: int
    seeds: list[int]


class VerdictWire(Wire):
    """`question` says what was judged: the trained models on this test set, or the recipes over seeds.

    `separated` is null where neither a test nor intervals can judge; what judged is `decided_by`. `p` is Welch's for the
    best two over seeds, corrected by Holm for a `family` of so many comparisons. `more_seeds` would help to decide.
    """

    text: str
    question: Literal["models", "recipes"] | None
    best: str | None
    runner_up: str | None
    separated: bool | None
    decided_by: Literal["welch", "wilson"] | None
    p: float | None
    family: int
    more_seeds: list[SeedsWire]


class CompareWire(Wire):
    """`value` is the epoch that stands for each run. `series` is empty where `curves=false` was asked, `differs` and `same`
    where `fields=false` was.
    """

    cursor: str
    value: Literal["last", "best", "validation"]
    target: float | None
    items: list[ComparedWire]
    runs: list[ComparedRunWire]
    differs: list[DifferenceWire]
    same: list[SameWire]
    series: dict[int, dict[str, CurveWire]]
    verdict: VerdictWire
    warnings: list[str]
    findings: list[BetweenWire]
    """What the rules find between these runs, the sick ones first."""


def judged(facts: list[RunFacts], chosen: Mapping[int, Chosen] | None = None) -> Accuracy:
    """Return the accuracy of one recipe from its runs, of the last epoch or of the one that was `chosen` for each."""
    return accuracy_of(outcome for run in facts if (outcome := _outcome(run, chosen)))


def accuracy_wire(accuracy: Accuracy) -> AccuracyWire:
    return AccuracyWire(
        kind=accuracy.kind,
        mean=accuracy.mean,
        low=accuracy.interval.low if accuracy.interval else None,
        high=accuracy.interval.high if accuracy.interval else None,
        half_width=accuracy.half_width,
        n=accuracy.n,
        values=accuracy.values,
        seeds=[outcome.seed for outcome in accuracy.counted],
        images=accuracy.images,
    )


def best_wire(facts: list[RunFacts]) -> BestWire | None:
    """Return the best epoch of the runs of one recipe, the oldest of equals."""
    found = [
        BestWire(value=run.summary["best_test_acc"], epoch=run.summary["best_epoch"], run=run.id)
        for run in facts
        if run.summary and run.summary.get("best_test_acc") is not None
    ]
    return max(found, key=lambda best: (best.value, -best.run), default=None)


def _outcome(run: RunFacts, chosen: Mapping[int, Chosen] | None) -> Outcome | None:
    values = run.last if chosen is None else chosen[run.id].values if run.id in chosen else {}
    accuracy = values.get("test_acc")
    if run.state != RunState.COMPLETED or accuracy is None:
        return None
    return Outcome(run.id, run.seed, accuracy, run.test_set, run.images, run.parent)
