"""What is there to launch with, what a launch lacks, and the command that brings it in.

Knows the catalog; no HTTP, no SQL, no torch.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from backend.catalog.datasets import BUILTIN, FETCHABLE
from backend.errors import UnknownName
from backend.spec import Spec
from backend.store.launches import NewRun


@dataclass(frozen=True)
class Images:
    """What is known of a data set without opening it."""

    pixels: int
    classes: int
    train_count: int
    test_count: int


@dataclass(frozen=True)
class Cloned:
    """What a clone takes over from a run."""

    spec: Mapping[str, Any]
    """With its seed."""
    name: str
    preset: str | None
    size: Literal["published", "quick"] | None


GENERATED = {
    known.name: Images(known.pixels, len(known.classes), known.train_count, known.test_count)
    for known in BUILTIN.values()
}

TO_FETCH = {
    "cifar10": Images(32, 10, 50_000, 10_000),
    "cifar100": Images(32, 100, 50_000, 10_000),
    "fashionmnist": Images(28, 10, 60_000, 10_000),
}
"""What the authors of the well-known sets say of them: enough for an estimate before they are here."""


def _nothing(_: Any) -> None:
    return None


@dataclass(frozen=True)
class Shelf:
    """What is there to launch with: imported images, imported weights, and the runs that may be parents."""

    images: Mapping[str, Images] = field(default_factory=dict)
    weights: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    """Number of classes by (source, name, architecture)."""
    recipe: Callable[[str], dict[str, Any] | None] = _nothing
    """The table of a stored recipe, by its hash."""
    run: Callable[[int], tuple[str, int] | None] = _nothing
    """(recipe hash, seed) of a run."""
    cloned: Callable[[int], Cloned | None] = _nothing
    """What a clone of a run takes over."""

    def all_images(self) -> dict[str, Images]:
        return {**GENERATED, **self.images}

    def known_images(self, name: str) -> Images | None:
        """Return what is known of a data set, whether it is here or only could be; None where nobody knows."""
        return self.all_images().get(name) or TO_FETCH.get(name)


@dataclass(frozen=True)
class Missing:
    """Something that a launch wants and that is not here. `blocks`: without it nothing can be launched."""

    what: Literal["data set", "weights"]
    sentence: str
    command: str
    blocks: bool = True


def missing_of(runs: Iterable[NewRun], shelf: Shelf) -> list[Missing]:
    """Return what these runs and the parents that come with them lack, each thing once."""
    found: dict[str, Missing] = {}
    for run in runs:
        for one in _with_parents(run):
            for missing in (missing_images(one.spec.dataset.name, shelf), missing_weights(one.spec, shelf)):
                if missing is not None:
                    found.setdefault(missing.command, missing)
    return list(found.values())


def missing_images(name: str, shelf: Shelf) -> Missing | None:
    """Return that a data set is not here; None where it is."""
    there = shelf.all_images()
    if name in there:
        return None
    if name in FETCHABLE:
        return Missing("data set", f"The data set {name} is not here yet.", f"runyard data fetch {name}")
    return Missing("data set", str(UnknownName("data set", name, there)), f"runyard data import {name} PATH")


def missing_weights(spec: Spec, shelf: Shelf) -> Missing | None:
    """Return that the weights a training starts from are not here; None where they are, or are another run's."""
    arch = spec.features.arch if spec.features else spec.model.arch
    if spec.weights.source == "imagenet" and ("imagenet", arch) not in _known(shelf):
        sentence = f"The ImageNet weights of {arch} are not here: the worker tries to download them first."
        return Missing("weights", sentence, f"runyard weights fetch {arch}", blocks=False)
    return missing_file(spec, shelf)


def missing_file(spec: Spec, shelf: Shelf) -> Missing | None:
    """Return that a file of weights is not here. One that is of another network is here, and does not fit."""
    name = spec.weights.name if spec.weights.source == "file" else None
    files = {known for source, known, _ in shelf.weights if source == "file"}
    if name is None or name in files:
        return None
    arch = spec.features.arch if spec.features else spec.model.arch
    sentence = str(UnknownName("file of weights", name, files))
    return Missing("weights", sentence, f"runyard weights import {arch} FILE --name {name}")


def _known(shelf: Shelf) -> set[tuple[str, str]]:
    return {(source, arch) for source, _, arch in shelf.weights}


def _with_parents(run: NewRun | None) -> Iterator[NewRun]:
    while run is not None:
        yield run
        run = run.parent
