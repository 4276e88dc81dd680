"""From what a person asks for to runs that can be stored: presets, seeds, parents, and all that can be known before.

Knows the catalog, and what is there by `Shelf`; no HTTP, no SQL, no torch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from backend.catalog.datasets import BUILTIN, FETCHABLE
from backend.catalog.models import check_image_size, check_node
from backend.catalog.presets import SIZES, Planned, Size, planned, planned_table, preset
from backend.errors import InvalidSpec, NotFound, UnknownName
from backend.spec import Spec, WeightsSpec, parse_spec
from backend.store.launches import NewRun
from backend.text import is_clean

MAX_RUNS = 1000
LONGEST_NAME = 200


@dataclass(frozen=True)
class Images:
    """What is known of a data set without opening it."""

    pixels: int
    classes: int
    train_count: int
    test_count: int


GENERATED = {
    known.name: Images(known.pixels, len(known.classes), known.train_count, known.test_count)
    for known in BUILTIN.values()
}


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

    def all_images(self) -> dict[str, Images]:
        return {**GENERATED, **self.images}


@dataclass(frozen=True)
class Wish:
    """A launch as it was asked for: a preset with overrides, or a whole spec; one run for each seed.

    A table of weights may name its parent as a preset (`preset`) or as one run (`run`).
    """

    preset: str | None = None
    size: Size = "published"
    overrides: Mapping[str, Any] | None = None
    spec: Mapping[str, Any] | None = None
    seeds: list[int] | None = None
    name: str | None = None


def plan(wish: Wish, shelf: Shelf) -> list[NewRun]:
    """Return the runs that a wish means, checked against everything but the images themselves.

    Raises:
        InvalidSpec: one sentence: what, the value, what is allowed.
        NotFound: a run that is named as a parent is not there.
    """
    wanted = _planned(wish, shelf)
    name = _checked_name(wish.name) if wish.name else None
    seeds = checked_seeds(wish.seeds) if wish.seeds is not None else [wanted.spec.seed]
    return [new_run(wanted, seed, shelf, name) for seed in seeds]


def new_run(wanted: Planned, seed: int, shelf: Shelf, name: str | None = None) -> NewRun:
    """Return the run of a planned spec with a seed, and with it the parent that it may need.

    Raises:
        InvalidSpec: something in it, or in a parent that would be trained for it, cannot be.
    """
    spec = parse_spec({**wanted.spec.model_dump(mode="json"), "seed": seed})
    parent = None
    if wanted.parent is not None:
        parent = new_run(wanted.parent, spec.parent_seed(), shelf)
    check(spec, shelf, None if parent is None else parent.spec)
    return NewRun(spec, name or _name(wanted), wanted.preset, wanted.size, parent)


def check(spec: Spec, shelf: Shelf, parent: Spec | None = None) -> None:
    """Refuse a spec whose parts are not there, or do not fit each other. `parent` is one that is planned with it."""
    images = shelf.all_images()
    name = spec.dataset.name
    if name not in images:
        command = f"runyard data fetch {name}" if name in FETCHABLE else f"runyard data import {name} PATH"
        raise InvalidSpec(f"{UnknownName('data set', name, images)} To bring it in, run `{command}`.")
    pixels = spec.dataset.image_size or images[name].pixels
    if spec.features:
        check_image_size(spec.features.arch, pixels)
        check_node(spec.features.arch, spec.features.node)
    else:
        check_image_size(spec.model.arch, pixels)
    where = "features" if spec.features else "model"
    arch = spec.features.arch if spec.features else spec.model.arch
    classes = _classes_of_weights(where, arch, spec.weights, shelf, parent)
    if where == "model" and spec.model.output_layer == "kept" and classes not in (None, images[name].classes):
        raise InvalidSpec(
            f"model.output_layer is 'kept'; these weights tell {classes} classes apart, and {name} has "
            f"{images[name].classes}: use 'new'."
        )


def _classes_of_weights(
    where: str, arch: str, weights: WeightsSpec, shelf: Shelf, parent: Spec | None
) -> int | None:
    """Return how many classes the weights tell apart; None where nobody knows before they are opened."""
    if weights.source == "parent":
        assert weights.parent
        known = parent.recipe() if parent else shelf.recipe(weights.parent)
        if known is None:
            raise InvalidSpec(
                f"{where}.weights.parent is {weights.parent[:12]}…; no run has this recipe, or it was deleted."
            )
        return _check_parent(where, arch, known, shelf)
    if weights.source == "file":
        assert weights.name
        return _check_file(where, arch, weights.name, shelf)
    return 1000 if weights.source == "imagenet" else None


def _check_parent(where: str, arch: str, recipe: Mapping[str, Any], shelf: Shelf) -> int | None:
    made = "softmax-regression on features" if "features" in recipe else recipe["model"]["arch"]
    if made != arch:
        raise InvalidSpec(f"{where}.arch is '{arch}'; its parent trained {made}: they must be the same.")
    images = shelf.all_images().get(recipe["dataset"]["name"])
    return images.classes if images else None


def _check_file(where: str, arch: str, name: str, shelf: Shelf) -> int:
    files = {
        (known, made): classes for (source, known, made), classes in shelf.weights.items() if source == "file"
    }
    if (name, arch) in files:
        return files[name, arch]
    others = sorted(made for known, made in files if known == name)
    if others:
        raise InvalidSpec(
            f"{where}.weights.name is '{name}'; these weights are of {' and '.join(others)}, not of {arch}."
        )
    known = UnknownName("file of weights", name, {known for known, _ in files})
    raise InvalidSpec(f"{known} `runyard weights import {arch} FILE --name {name}` brings it in.")


def _planned(wish: Wish, shelf: Shelf) -> Planned:
    if (wish.preset is None) == (wish.spec is None):
        raise InvalidSpec("A launch needs a preset or a spec: exactly one of the two.")
    if wish.preset is not None:
        if wish.size not in SIZES:
            raise InvalidSpec(f"size is {wish.size!r}; it must be {' or '.join(SIZES)}.")
        wanted = planned(wish.preset, wish.size, _with_runs_named(wish.overrides or {}, shelf))
    elif wish.overrides:
        raise InvalidSpec("overrides change a preset; a whole spec needs none.")
    else:
        wanted = planned_table(_with_runs_named(wish.spec or {}, shelf))
    return wanted


def _with_runs_named(table: Mapping[str, Any], shelf: Shelf) -> dict[str, Any]:
    """Return the table with each parent that is named as a run named by its recipe and seed instead."""
    result = dict(table)
    for holder in ("model", "features"):
        part = result.get(holder)
        weights = part.get("weights") if isinstance(part, dict) else None
        if not isinstance(part, dict) or not isinstance(weights, dict) or "run" not in weights:
            continue
        number = weights["run"]
        if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 2**53:
            raise InvalidSpec(f"{holder}.weights.run is {number!r}; it must be the number of a run.")
        found = shelf.run(number)
        if found is None:
            raise NotFound("run", number)
        recipe, seed = found
        others = {key: value for key, value in weights.items() if key != "run"}
        named = {**others, "source": "parent", "parent": recipe, "rule": "fixed_seed", "seed": seed}
        result[holder] = {**part, "weights": named}
    return result


def _name(wanted: Planned) -> str:
    if wanted.title:
        return wanted.title
    if wanted.preset:
        return preset(wanted.preset).title
    return f"{wanted.spec.model.arch} on {wanted.spec.dataset.name}"


def checked_seeds(seeds: list[int]) -> list[int]:
    """Return the seeds of a launch.

    Raises:
        InvalidSpec: there are none, too many, or one twice.
    """
    if not 1 <= len(seeds) <= MAX_RUNS:
        raise InvalidSpec(f"seeds holds {len(seeds)} values; it must hold 1 to {MAX_RUNS}.")
    if len(set(seeds)) != len(seeds):
        raise InvalidSpec("seeds holds one value twice; each run needs its own.")
    return seeds


def _checked_name(name: str) -> str:
    return checked_text(name, "name", LONGEST_NAME)


def checked_text(text: str, what: str, longest: int) -> str:
    """Return a text that people wrote, trimmed.

    Raises:
        InvalidSpec: it is too long, or holds control characters or halves of characters.
    """
    text = text.strip()
    if len(text) > longest:
        raise InvalidSpec(f"{what} has {len(text)} characters; it may have {longest} at most.")
    if not is_clean(text):
        raise InvalidSpec(f"{what} holds a control character; use visible characters only.")
    return text
