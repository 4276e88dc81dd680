"""From what a person asks for to runs that can be stored: presets, clones, grids, seeds and parents, all checked.

Knows the catalog, and what is there by `Shelf`; no HTTP, no SQL, no torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from backend.catalog.presets import Planned, preset
from backend.errors import InvalidSpec
from backend.fitting import check
from backend.grid import (
    MAX_RUNS,
    Grid,
    checked_grid,
    combinations,
    short_name,
    stands_at,
    told,
    value_at,
    varied,
)
from backend.readiness import Images, Shelf
from backend.spec import field_paths, parse_spec
from backend.store.launches import NewRun
from backend.text import is_clean
from backend.wishes import Start, Wish, grid_with_starts_named, start_of

__all__ = ["MAX_RUNS", "Images", "Shelf", "Wish", "check"]

LONGEST_NAME = 200


@dataclass(frozen=True)
class Variation:
    """One combination of a grid, by path what it varies, and its runs: one for each seed."""

    values: dict[str, Any]
    planned: Planned
    runs: list[NewRun]


@dataclass(frozen=True)
class Difference:
    """A field that is another than in what a launch starts from; `value` is a list where the launch varies it."""

    path: str
    base: Any
    value: Any


def plan(wish: Wish, shelf: Shelf) -> list[NewRun]:
    """Return the runs that a wish means, checked against everything but the images themselves.

    Raises:
        InvalidSpec: one sentence: what, the value, what is allowed.
        NotFound: a run that is cloned, or named as a parent, is not there.
    """
    return [run for one in variations(wish, shelf) for run in one.runs]


def variations(wish: Wish, shelf: Shelf, *, must_be_there: bool = True) -> list[Variation]:
    """Return the combinations that a wish means, each with its runs, in the order of the grid.

    Unless `must_be_there`, a data set or a file of weights that is not here refuses nothing.

    Raises:
        InvalidSpec: as `plan`; it names the combination that is at fault.
        NotFound: as `plan`.
    """
    seeds = checked_seeds(wish.seeds) if wish.seeds is not None else None
    grid = grid_with_starts_named(checked_grid(wish.grid or {}, len(seeds or [0])))
    _check_said_once(wish.overrides or {}, grid)
    start = start_of(wish, shelf)
    name = checked_text(wish.name, "name", LONGEST_NAME) if wish.name else None
    maker = _Maker(start, shelf, name or start.name, seeds, tuple(varied(grid)), must_be_there)
    every = combinations(grid)
    made = []
    for values in every:
        try:
            made.append(maker.variation(values))
        except InvalidSpec as problem:
            raise _named_refusal(problem, maker.decisive(values, grid, str(problem))) from None
    _check_recipes_differ(made)
    return made


@dataclass(frozen=True)
class _Maker:
    """Makes the runs of one wish, a combination at a time."""

    start: Start
    shelf: Shelf
    name: str | None
    seeds: list[int] | None
    varied: tuple[str, ...]
    must_be_there: bool

    def variation(self, values: dict[str, Any]) -> Variation:
        wanted = self.start.planned(self.start.varied(values), self.shelf)
        varying = self.varying(values)
        name = _named(self.name or _name(wanted), varying)
        seeds = [wanted.spec.seed] if self.seeds is None else self.seeds
        runs = [new_run(wanted, seed, self.shelf, name, must_be_there=self.must_be_there) for seed in seeds]
        return Variation(varying, wanted, runs)

    def varying(self, values: dict[str, Any]) -> dict[str, Any]:
        return {path: values[path] for path in self.varied}

    def decisive(self, values: dict[str, Any], grid: Grid, sentence: str) -> dict[str, Any]:
        """Return those of the varied values without which this refusal would be another one, or none."""
        others = {path: [one for one in grid[path] if one != values[path]] for path in self.varied}
        return {
            path: values[path]
            for path, other in others.items()
            if other and self._refusal({**values, path: other[0]}) != sentence
        }

    def _refusal(self, values: dict[str, Any]) -> str | None:
        try:
            self.variation(values)
        except InvalidSpec as problem:
            return str(problem)
        return None


def differences(wish: Wish, made: list[Variation], shelf: Shelf) -> list[Difference]:
    """Return what a wish changes in the preset, or in the run, that it starts from. The seed is none of it."""
    if wish.spec is not None:
        return []
    start = start_of(replace(wish, overrides=None), shelf)
    paths = [path for path in field_paths() if path != "seed"]
    before = _values(start.planned(start.table, shelf), paths)
    after = [_values(one.planned, paths) for one in made]
    found = []
    for path, base in before.items():
        distinct: list[Any] = []
        for values in after:
            if values[path] not in distinct:
                distinct.append(values[path])
        if distinct != [base]:
            found.append(Difference(path, base, distinct[0] if len(distinct) == 1 else distinct))
    return found


def new_run(
    wanted: Planned, seed: int, shelf: Shelf, name: str | None = None, *, must_be_there: bool = True
) -> NewRun:
    """Return the run of a planned spec with a seed, and with it the parent that it may need.

    Raises:
        InvalidSpec: something in it, or in a parent that would be trained for it, cannot be.
    """
    spec = parse_spec({**wanted.spec.model_dump(mode="json"), "seed": seed})
    parent = None
    if wanted.parent is not None:
        parent = new_run(wanted.parent, spec.parent_seed(), shelf, must_be_there=must_be_there)
    check(spec, shelf, None if parent is None else parent.spec, must_be_there=must_be_there)
    return NewRun(spec, name or _name(wanted), wanted.preset, wanted.size, parent)


def _values(planned: Planned, paths: list[str]) -> dict[str, Any]:
    """Return the fields of a planned spec; a parent that is a preset's by the preset's name."""
    table = planned.spec.model_dump(mode="json")
    values = {path: value_at(table, path) for path in paths}
    if planned.parent and planned.parent.preset:
        # Its recipe follows from this spec's images: that it differs with them is no difference of its own.
        holder = "features" if planned.spec.features else "model"
        values[f"{holder}.weights.parent"] = planned.parent.preset
    return values


def _named_refusal(problem: InvalidSpec, values: dict[str, Any]) -> InvalidSpec:
    """Return a refusal that names the values which are at fault together, unless it speaks of those anyway."""
    if not values or (len(values) == 1 and str(problem).startswith(f"{next(iter(values))} is ")):
        return problem
    return InvalidSpec(f"With {told(values)}: {problem}")


def _check_said_once(overrides: Mapping[str, Any], grid: Grid) -> None:
    twice = next((path for path in grid if stands_at(overrides, path)), None)
    if twice:
        raise InvalidSpec(f"{twice} stands in overrides and in grid; name it in one of the two.")


def _check_recipes_differ(made: list[Variation]) -> None:
    known: dict[str, Variation] = {}
    for one in made:
        other = known.setdefault(one.planned.spec.recipe_hash(), one)
        if other is not one:
            raise InvalidSpec(
                f"{told(other.values)} and {told(one.values)} are the same recipe; leave one of them out."
            )


def _name(wanted: Planned) -> str:
    if wanted.title:
        return wanted.title
    if wanted.preset:
        return preset(wanted.preset).title
    return f"{wanted.spec.model.arch} on {wanted.spec.dataset.name}"


def _named(name: str, values: Mapping[str, Any]) -> str:
    """Return the name of a run of a grid: what tells it from the others stays whole, where there is room."""
    if not values:
        return name
    tail = f", {short_name(values)}"
    room = max(0, LONGEST_NAME - len(tail))
    head = name if len(name) <= room else name[: max(0, room - 1)] + "…"
    whole = head + tail
    return whole if len(whole) <= LONGEST_NAME else whole[: LONGEST_NAME - 1] + "…"


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
