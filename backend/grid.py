"""A grid: several values for some fields of a spec, and one launch of every combination of them. Pure.

Knows the fields of a spec; no presets, no store, no HTTP.
"""

import json
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from backend.analysis.differences import short, shown
from backend.contract import MAX_RUNS
from backend.errors import InvalidSpec, UnknownName
from backend.sentences import shown_value
from backend.spec import field_paths

Grid = Mapping[str, list[Any]]
"""The values of each field, by its dotted path. `model.weights` and `features.weights` take whole tables."""

NOT_VARIED = {
    "seed": "give the seeds as `seeds`",
    "step_series": "no number changes by it, so that runs would be the same: give it in overrides",
}
"""Fields that tell no recipes apart, and what to do instead."""

LONGEST_TOLD = 40
"""Characters of one value in a refusal."""

WEIGHTS = {"model.weights": "weights", "features.weights": "feature weights"}
"""Fields that are tables, and what a run's name calls them."""


def checked_grid(grid: Grid, seeds: int = 1) -> Grid:
    """Return a grid that can be laid over a spec; `seeds` says how many runs each combination is.

    Raises:
        InvalidSpec: it names no field, a list is empty or holds a value twice, or it means too many runs.
    """
    known = [path for path in (*field_paths(), *WEIGHTS) if path not in NOT_VARIED]
    for path, values in grid.items():
        if path in NOT_VARIED:
            raise InvalidSpec(f"grid names {path}; {NOT_VARIED[path]}.")
        if path not in known:
            raise UnknownName("field", path, known)
        _check_values(path, values)
        inside = next((other for other in grid if other.startswith(f"{path}.")), None)
        if inside:
            raise InvalidSpec(f"grid names {path} and {inside}, which is a part of it; name one of the two.")
    _check_count([len(values) for values in grid.values()], seeds)
    return grid


def combinations(grid: Grid) -> list[dict[str, Any]]:
    """Return every combination as values by path, in the order of the grid: the last field changes fastest.

    An empty grid has one combination: that of nothing.
    """
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def varied(grid: Grid) -> list[str]:
    """Return the fields that differ between combinations."""
    return [path for path, values in grid.items() if len(values) > 1]


def laid_over(table: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table of a spec with values put at their paths; each takes the place of what stood there."""
    result = dict(table)
    for path, value in values.items():
        *holders, last = path.split(".")
        part = result
        for holder in holders:
            below = part.get(holder)
            # Copied on the way down: combinations share what they do not change.
            copied = dict(below) if isinstance(below, dict) else {}
            part[holder] = copied
            part = copied
        part[last] = value
    return result


def value_at(table: Mapping[str, Any], path: str) -> Any:
    """Return what stands at a dotted path; None where nothing does."""
    part: Any = table
    for name in path.split("."):
        part = part.get(name) if isinstance(part, dict) else None
    return part


def stands_at(table: Mapping[str, Any], path: str) -> bool:
    """Return whether a table names something at a dotted path, within it, or in place of what it lies in."""
    part: Any = table
    for name in path.split("."):
        if not isinstance(part, dict):
            return True
        if name not in part:
            return False
        part = part[name]
    return True


def short_name(values: Mapping[str, Any]) -> str:
    """Return values as they stand in a run's name: "lr 0.1, batch size 64", as labels have them."""
    return ", ".join(
        f"{WEIGHTS[path]} {_start_in_words(value)}" if isinstance(value, dict) else short(path, value)
        for path, value in values.items()
    )


def told(values: Mapping[str, Any]) -> str:
    """Return values as they stand in a refusal: "optimizer.lr 0.1, batch_size 64"."""
    return ", ".join(f"{path} {_in_words(path, value)}" for path, value in values.items())


def _check_values(path: str, values: list[Any]) -> None:
    if not values:
        raise InvalidSpec(f"grid.{path} holds no value; it must hold one at least.")
    seen = set()
    for value in values:
        key = _identity(value)
        if key in seen:
            raise InvalidSpec(
                f"grid.{path} holds {shown_value(value)} twice; each value makes runs of its own."
            )
        seen.add(key)


def _check_count(lengths: Iterable[int], seeds: int) -> None:
    lists = [length for length in lengths if length > 1]
    total = seeds
    for length in lists:
        total *= length
    if total <= MAX_RUNS:
        return
    parts = [f"{' x '.join(map(str, lists))} values"] if lists else []
    parts += [f"{seeds} seeds"] if seeds > 1 else []
    raise InvalidSpec(f"{' x '.join(parts)} are {total:,} runs; a launch may have {MAX_RUNS}.")


def _identity(value: Any) -> str:
    """Return what two values share that mean the same: 1 and 1.0 do, 1 and true do not."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True)


def _in_words(path: str, value: Any) -> str:
    if isinstance(value, dict):
        return _start_in_words(value)
    return _as_typed(value) if isinstance(value, str) else shown(path, value)[:LONGEST_TOLD]


def _as_typed(value: object) -> str:
    return shown_value(value).strip("'\"")


def _start_in_words(weights: Mapping[str, Any]) -> str:
    """Return a table of weights by the one thing that tells it from others."""
    if "run" in weights:
        return f"run {_as_typed(weights['run'])}"
    named = next((weights[key] for key in ("preset", "name", "parent") if weights.get(key)), None)
    return _as_typed(named if named is not None else weights.get("source", "none"))[:LONGEST_TOLD]
