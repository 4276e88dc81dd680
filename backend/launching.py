"""From what a person asks for to runs that can be stored: presets, seeds, and all that can be known before.

Knows the catalog and the names of the data sets that are there; no HTTP, no SQL, no torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.catalog.datasets import BUILTIN
from backend.catalog.models import check_image_size
from backend.catalog.presets import SIZES, Size, preset
from backend.errors import InvalidSpec, UnknownName
from backend.spec import Spec, parse_spec
from backend.store.launches import NewRun
from backend.text import is_clean

MAX_RUNS = 1000
LONGEST_NAME = 200


@dataclass(frozen=True)
class Wish:
    """A launch as it was asked for: a preset with overrides, or a whole spec; one run for each seed."""

    preset: str | None = None
    size: Size = "published"
    overrides: Mapping[str, Any] | None = None
    spec: Mapping[str, Any] | None = None
    seeds: list[int] | None = None
    name: str | None = None


def plan(wish: Wish, imported_pixels: Mapping[str, int]) -> list[NewRun]:
    """Return the runs that a wish means, checked against everything but the images themselves.

    `imported_pixels` holds the stored size of each imported data set.

    Raises:
        InvalidSpec: one sentence: what, the value, what is allowed.
    """
    spec = _spec(wish)
    check(spec, imported_pixels)
    name = _checked_name(wish.name) if wish.name else _name(wish, spec)
    seeds = _checked_seeds(wish.seeds) if wish.seeds is not None else [spec.seed]
    runs = []
    for seed in seeds:
        seeded = parse_spec({**spec.model_dump(mode="json"), "seed": seed})
        size = wish.size if wish.preset else None
        runs.append(NewRun(seeded, name, wish.preset, size))
    return runs


def check(spec: Spec, imported_pixels: Mapping[str, int]) -> None:
    """Refuse a spec whose data set or model is not there, or do not fit each other."""
    name = spec.dataset.name
    pixels = {**{known.name: known.pixels for known in BUILTIN.values()}, **imported_pixels}
    if name not in pixels:
        known = UnknownName("data set", name, pixels)
        raise InvalidSpec(f"{known} To bring one in, run `runyard data import {name} PATH`.")
    check_image_size(spec.model.arch, spec.dataset.image_size or pixels[name])


def _spec(wish: Wish) -> Spec:
    if (wish.preset is None) == (wish.spec is None):
        raise InvalidSpec("A launch needs a preset or a spec: exactly one of the two.")
    if wish.preset is not None:
        if wish.size not in SIZES:
            raise InvalidSpec(f"size is {wish.size!r}; it must be {' or '.join(SIZES)}.")
        return preset(wish.preset).spec(wish.size, dict(wish.overrides or {}))
    if wish.overrides:
        raise InvalidSpec("overrides change a preset; a whole spec needs none.")
    return parse_spec(wish.spec)


def _name(wish: Wish, spec: Spec) -> str:
    return preset(wish.preset).title if wish.preset else f"{spec.model.arch} on {spec.dataset.name}"


def _checked_seeds(seeds: list[int]) -> list[int]:
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
