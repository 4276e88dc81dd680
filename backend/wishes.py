"""What a launch is asked for with, and what it starts from: a preset, the clone of a run, or a whole spec.

Knows presets, and runs by `Shelf`; not yet seeds and grids.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from backend.belonging import choice_of, meaningless
from backend.catalog.presets import SIZES, Planned, Size, merged, planned_table, preset
from backend.errors import InvalidSpec, NotFound
from backend.grid import WEIGHTS, Grid, laid_over, stands_at, value_at
from backend.readiness import Shelf
from backend.spec import field_rules, parse_spec


@dataclass(frozen=True)
class Wish:
    """A launch as it was asked for: a preset or the clone of a run, with overrides, or a whole spec.

    One run for each combination of the grid and each seed. A table of weights may name its parent as a preset
    (`preset`) or as one run (`run`).
    """

    preset: str | None = None
    size: Size = "published"
    clone: int | None = None
    overrides: Mapping[str, Any] | None = None
    spec: Mapping[str, Any] | None = None
    grid: Grid | None = None
    seeds: list[int] | None = None
    name: str | None = None


@dataclass(frozen=True)
class Start:
    """What a wish starts from: a table of a spec with the overrides in it, and what its runs take over."""

    table: dict[str, Any]
    preset: str | None = None
    size: Size | None = None
    name: str | None = None

    def varied(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the table with a combination of values by path laid over it."""
        return without_what_fell_away(laid_over(self.table, values), self.table, values)

    def planned(self, table: Mapping[str, Any], shelf: Shelf) -> Planned:
        """Return the spec that a table means, which is this one's with a combination laid over it."""
        named = planned_table(_with_runs_named(table, shelf), self.size or "published")
        return replace(_with_stored_parent(named, shelf), preset=self.preset, size=self.size)


def start_of(wish: Wish, shelf: Shelf) -> Start:
    """Return what a wish starts from.

    Raises:
        InvalidSpec: it names none or several, or one that is not there.
        NotFound: the run that it clones is not there.
    """
    if [wish.preset, wish.clone, wish.spec].count(None) != 2:
        raise InvalidSpec("A launch needs a preset, a run to clone or a spec: exactly one of the three.")
    if wish.spec is not None:
        if wish.overrides:
            raise InvalidSpec("overrides change a preset or a clone; a whole spec needs none.")
        return Start(with_starts_named(wish.spec))
    overrides = with_starts_named(wish.overrides or {})
    if wish.clone is not None:
        cloned = shelf.cloned(wish.clone)
        if cloned is None:
            raise NotFound("run", wish.clone)
        return Start(_with_overrides(cloned.spec, overrides), cloned.preset, cloned.size, cloned.name)
    assert wish.preset is not None
    if wish.size not in SIZES:
        raise InvalidSpec(f"size is {wish.size!r}; it must be {' or '.join(SIZES)}.")
    return Start(_with_overrides(preset(wish.preset).tables[wish.size], overrides), wish.preset, wish.size)


def with_starts_named(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table as somebody wrote it, its weights that name a preset as the parents that they mean.

    Raises:
        InvalidSpec: weights name a preset or a run beside another start, or no such preset.
    """
    result = dict(table)
    for path in WEIGHTS:
        weights = value_at(table, path)
        if isinstance(weights, dict) and ("preset" in weights or "run" in weights):
            result = laid_over(result, {path: _as_a_parent(path, weights)})
    return result


def _as_a_parent(path: str, weights: Mapping[str, Any]) -> dict[str, Any]:
    named = "run" if "run" in weights else "preset"
    if weights.get("source", "parent") != "parent":
        raise InvalidSpec(
            f"{path} names a {named} and the source {weights['source']!r}; name one of the two."
        )
    other = next((key for key in ("preset", "parent", "name") if key != named and weights.get(key)), None)
    if other:
        raise InvalidSpec(f"{path} names a {named} and a {other}; name one of the two.")
    if named == "preset":
        if not isinstance(weights["preset"], str):
            raise InvalidSpec(f"{path}.preset is {weights['preset']!r}; it must be the name of a preset.")
        preset(weights["preset"])
    return {**weights, "source": "parent"}


def grid_with_starts_named(grid: Grid) -> Grid:
    """Return a grid with the tables of weights in it as `with_starts_named` has them.

    Raises:
        InvalidSpec: as `with_starts_named`.
    """
    return {
        path: [value_at(with_starts_named(laid_over({}, {path: value})), path) for value in values]
        if path in WEIGHTS
        else values
        for path, values in grid.items()
    }


def _with_overrides(table: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with overrides laid over it; another start, or another choice, takes the whole place of the old."""
    result = merged(table, overrides)
    for path in WEIGHTS:
        wanted, before = value_at(overrides, path), value_at(table, path)
        if isinstance(wanted, dict) and isinstance(before, dict) and _is_another_start(wanted, before):
            result = laid_over(result, {path: wanted})
    return without_what_fell_away(result, table, overrides)


def without_what_fell_away(
    table: Mapping[str, Any], before: Mapping[str, Any], said: Mapping[str, Any]
) -> dict[str, Any]:
    """Return `table`, which is `before` with `said` laid over it, without what lost its meaning by that.

    So a preset of SGD with momentum can be launched with AdamW: its momentum goes with SGD. What never meant anything
    goes as well where `said` chooses anew, so that a grid of optimizers keeps an override for those that have it. `said`
    is nested, or by dotted paths; what it names itself stays, for `parse_spec` to refuse.
    """
    result = dict(table)
    meant_nothing = meaningless(lambda path: _value(before, path))
    for path in meaningless(lambda path: _value(table, path)):
        gone = path not in meant_nothing or _names(said, choice_of(path))
        holder, _, name = path.partition(".")
        part = result.get(holder)
        if gone and not _names(said, path) and isinstance(part, dict):
            result[holder] = {key: value for key, value in part.items() if key != name}
    return result


def _names(said: Mapping[str, Any], path: str) -> bool:
    return path in said or stands_at(said, path)


def _value(table: Mapping[str, Any], path: str) -> Any:
    return value_at(table, path) if stands_at(table, path) else _default(path)


@cache
def _default(path: str) -> Any:
    return field_rules(path)["default"]


def _is_another_start(wanted: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    if "run" in wanted:
        return True
    names_one = any(key in wanted for key in ("preset", "parent", "name"))
    return "source" in wanted and (names_one or wanted["source"] != before.get("source", "none"))


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


def _with_stored_parent(wanted: Planned, shelf: Shelf) -> Planned:
    """Return it with the parent that it names by recipe, so that one of another seed can be brought along."""
    weights = wanted.spec.weights
    if wanted.parent is not None or weights.source != "parent":
        return wanted
    assert weights.parent
    table = shelf.recipe(weights.parent) or {}
    try:
        spec = parse_spec({key: value for key, value in table.items() if key != "spec_version"})
    except (
        InvalidSpec
    ):  # unknown, which `check` tells; or of a version with other rules: then it must be there
        return wanted
    if spec.recipe_hash() != weights.parent:
        return wanted
    return replace(wanted, parent=_with_stored_parent(Planned(spec), shelf))
