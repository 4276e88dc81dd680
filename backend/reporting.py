"""The published report as something to launch: which recipes it is made of, in which size, on which images.

A variant says all that may be chosen; the recipes follow from it alone, so that the report finds its runs
again by their recipes, whoever launched them. Knows no HTTP, no SQL, no torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from backend.catalog.datasets import BUILTIN, GLYPHS, SHAPES
from backend.catalog.presets import SIZES, Planned, Size, merged, planned, preset, presets
from backend.catalog.reports import REPORT
from backend.errors import InvalidSpec, UnknownName
from backend.launching import MAX_RUNS, Shelf, check, new_run
from backend.sizing import QuickSizes, quick_sizes
from backend.store.launches import NewRun

IMAGENET = "imagenet"
PUBLISHED_IMAGES = "cifar10"
PHOTOGRAPHS = "imagenet200-48px"
"""The set of real photographs that networks are pretrained on where it is there and ImageNet weights are not."""

FINE_TUNED = {"alexnet": "alexnet-fine-tuned", "resnet18": "resnet18-fine-tuned", "vgg16": "vgg16-fine-tuned"}
SWEPT_NODES = ("layer1", "layer2", "layer3", "layer4")


@dataclass(frozen=True)
class Variant:
    """One way to run the report. `pretraining` is "imagenet", or the data set that networks are pretrained on here."""

    report: str
    size: Size
    dataset: str
    pretraining: str


@dataclass(frozen=True)
class ReportPlan:
    """The recipes of a variant: by experiment (a preset's name), and of the sweep by node and whether corrected."""

    variant: Variant
    cells: dict[str, Planned]
    sweep: dict[tuple[str, bool], Planned]

    def runs(self) -> list[Planned]:
        """Return every recipe once, with what it starts from before it, in the order of the report."""
        found: dict[str, Planned] = {}
        for wanted in (*self.cells.values(), *self.sweep.values()):
            for one in wanted.chain():
                found.setdefault(one.spec.recipe_hash(), one)
        return list(found.values())


def default_variant(shelf: Shelf, size: str | None, dataset: str | None, pretraining: str | None) -> Variant:
    """Return the variant with what was not chosen filled in from what is there.

    Raises:
        InvalidSpec: a choice names nothing.
    """
    size = size or "quick"
    if size not in SIZES:
        raise InvalidSpec(f"size is {size!r}; it must be {' or '.join(SIZES)}.")
    images = shelf.all_images()
    if dataset is None:
        dataset = PUBLISHED_IMAGES if size == "published" or PUBLISHED_IMAGES in images else SHAPES.name
    if pretraining is None:
        pretraining = _usual_pretraining(size, dataset, shelf)
    if pretraining != IMAGENET and pretraining not in {*images, PHOTOGRAPHS}:
        raise UnknownName("set to pretrain on", pretraining, {IMAGENET, *images})
    if dataset not in {*images, PUBLISHED_IMAGES}:
        raise UnknownName("data set", dataset, {*images, PUBLISHED_IMAGES})
    if dataset == pretraining:
        raise InvalidSpec(f"pretraining is '{pretraining}'; the networks must be pretrained on other images.")
    return Variant(REPORT, size, dataset, pretraining)


def has_imagenet_weights(shelf: Shelf) -> bool:
    """Say whether the ImageNet weights of all networks of the report are on this machine."""
    there = {arch for source, _, arch in shelf.weights if source == IMAGENET}
    return there >= set(FINE_TUNED)


def _usual_pretraining(size: str, dataset: str, shelf: Shelf) -> str:
    if size == "published" or has_imagenet_weights(shelf):
        return IMAGENET
    photographs = PHOTOGRAPHS in shelf.images and dataset not in BUILTIN and dataset != PHOTOGRAPHS
    if photographs:
        return PHOTOGRAPHS
    return SHAPES.name if dataset == GLYPHS.name else GLYPHS.name


@cache
def plan_report(variant: Variant) -> ReportPlan:
    """Return the recipes of a variant."""
    maker = _Maker(variant)
    cells = {name: maker.planned(name) for name, known in presets().items() if known.section}
    sweep = {
        (node, corrected): maker.swept(node, corrected) for node in SWEPT_NODES for corrected in (False, True)
    }
    return ReportPlan(variant, cells, sweep)


class _Maker:
    """Makes the recipes of one variant; those that a recipe starts from are of the same variant."""

    def __init__(self, variant: Variant) -> None:
        self._variant = variant
        self._sizes = _sizes(variant)
        self._known: dict[str, Planned] = {}

    def planned(self, name: str) -> Planned:
        if name not in self._known:
            self._known[name] = self._make(name, {})
        return self._known[name]

    def swept(self, node: str, corrected: bool) -> Planned:
        name = "softmax-resnet18-intermediate" + ("-corrected" if corrected else "")
        # The preset's title would be that of all four nodes.
        title = f"Softmax regression on ResNet-18 features, {node}" + (", corrected" if corrected else "")
        return replace(self._make(name, {"features": {"node": node}}), title=title)

    def _make(self, name: str, changes: dict[str, Any]) -> Planned:
        pretrained_here = self._variant.pretraining != IMAGENET
        if name in FINE_TUNED.values() and pretrained_here:
            (arch,) = (arch for arch, preset_name in FINE_TUNED.items() if preset_name == name)
            start = {"source": "parent", "preset": f"{arch}-pretrained"}
            changes = merged(changes, {"model": {"weights": start}})
        images = self._variant.pretraining if preset(name).pretraining else self._variant.dataset
        changes = merged(changes, {"dataset": {"name": images}})
        if self._sizes is not None:
            changes = merged(changes, self._sizes.changes(name))
        return planned(name, self._variant.size, changes, lambda parent, _: self.planned(parent))


def _sizes(variant: Variant) -> QuickSizes | None:
    if variant.size != "quick":
        return None
    return quick_sizes(generated=variant.dataset in BUILTIN)


def report_runs(plan: ReportPlan, shelf: Shelf, seeds: Sequence[int]) -> list[NewRun]:
    """Return the runs of a whole report, checked.

    Raises:
        InvalidSpec: one of its parts is not there, or does not fit; or they are more than one launch may have.
    """
    wanted = plan.runs()
    most = MAX_RUNS // len(wanted)
    if len(seeds) > most:
        raise InvalidSpec(
            f"seeds holds {len(seeds)} values; a report has {len(wanted)} runs for each seed and a launch "
            f"{MAX_RUNS} at most: it may hold {most}."
        )
    return [new_run(one, seed, shelf) for seed in seeds for one in wanted]


def problem_of(variant: Variant, shelf: Shelf) -> str | None:
    """Return why a variant cannot be launched now; None where it can."""
    try:
        for one in plan_report(variant).runs():
            check(one.spec, shelf, one.parent.spec if one.parent else None)
    except InvalidSpec as problem:
        return str(problem)
    return None
