"""The presets: named specs, each as published and in a quick size, one TOML file apiece.

A preset may start from another one's training: its table of weights then names that preset. `planned` turns
such names into recipes, along the whole chain of parents.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from backend.catalog.faithful import Faithful, faithful
from backend.errors import UnknownName
from backend.spec import Spec, parse_spec

Size = Literal["published", "quick"]
SIZES: tuple[Size, ...] = ("published", "quick")


@dataclass(frozen=True)
class Preset:
    """A named spec. `section` is the section of the published report that it repeats, "" where it repeats none.

    `corrects` names the preset of which this one is the corrected twin; `pretraining` marks one that learns
    from other images than those of the run that starts from it.
    """

    name: str
    title: str
    section: str
    about: str
    corrects: str | None
    pretraining: bool
    faithful: Faithful | None
    """None where it repeats no section."""
    tables: dict[Size, dict[str, Any]]
    """The two sizes, as written: weights may name a preset."""

    def spec(self, size: Size, overrides: Mapping[str, Any] | None = None) -> Spec:
        """Return the spec in one size, with single fields overridden.

        Raises:
            InvalidSpec: an override names no field, or a value is out of its range.
        """
        return planned(self.name, size, overrides).spec


@dataclass(frozen=True)
class Planned:
    """A spec to be trained, and the one whose training it starts from. `title` names it where the preset's does not fit."""

    spec: Spec
    preset: str | None = None
    size: Size | None = None
    parent: "Planned | None" = None
    title: str | None = None

    def chain(self) -> "list[Planned]":
        """Return this one and all that it starts from, the first to be trained first."""
        return [*(self.parent.chain() if self.parent else []), self]


Resolve = Callable[[str, dict[str, Any]], Planned]
"""From the name of a parent preset, and the table of the spec that starts from it, to the planned parent."""


def planned(
    name: str, size: Size, overrides: Mapping[str, Any] | None = None, resolve: Resolve | None = None
) -> Planned:
    """Return the spec of a preset, with what it starts from.

    A parent is trained on the child's images, in the same size, unless `resolve` says otherwise.

    Raises:
        UnknownName: there is no such preset.
        InvalidSpec: an override names no field, or a value is out of its range.
    """
    table = merged(preset(name).tables[size], overrides or {})
    return replace(planned_table(table, size, resolve), preset=name, size=size)


def planned_table(
    table: Mapping[str, Any], size: Size = "published", resolve: Resolve | None = None
) -> Planned:
    """Return the spec that a table describes, where its weights may name a preset as `preset`."""
    table = dict(table)
    parent = None
    for holder in ("model", "features"):
        weights = _weights_of(table, holder)
        if weights is None or "preset" not in weights:
            continue
        if "parent" in weights or weights.get("source") != "parent":
            # An override chose another start than the preset's.
            table[holder] = {**table[holder], "weights": _without_preset(weights)}
            continue
        parent = (resolve or _on_the_same_images(size))(str(weights["preset"]), table)
        named = {**_without_preset(weights), "parent": parent.spec.recipe_hash()}
        table[holder] = {**table[holder], "weights": named}
    return Planned(parse_spec(table), parent=parent)


def _without_preset(weights: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in weights.items() if key != "preset"}


def _weights_of(table: Mapping[str, Any], holder: str) -> dict[str, Any] | None:
    part = table.get(holder)
    weights = part.get("weights") if isinstance(part, dict) else None
    return weights if isinstance(weights, dict) else None


def _on_the_same_images(size: Size) -> Resolve:
    def resolve(name: str, child: dict[str, Any]) -> Planned:
        same = {} if preset(name).pretraining else {"dataset": child.get("dataset", {})}
        return planned(name, size, same)

    return resolve


@cache
def presets() -> dict[str, Preset]:
    """Return all presets by name, in the order of the report's sections, a corrected twin after its preset."""
    found = [_read(entry.name.removesuffix(".toml"), entry.read_text("utf-8")) for entry in _preset_files()]
    ordered = sorted(found, key=lambda one: (one.section or "9", one.corrects is not None, one.name))
    return {preset.name: preset for preset in ordered}


def preset(name: str) -> Preset:
    """Return one preset.

    Raises:
        UnknownName: naming the near ones.
    """
    try:
        return presets()[name]
    except KeyError:
        raise UnknownName("preset", name, presets()) from None


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `changes` laid over it, table by table; neither is altered."""
    result = dict(base)
    for key, value in changes.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def _preset_files() -> list[Any]:
    folder = files("backend.catalog") / "presets"
    return [entry for entry in folder.iterdir() if entry.name.endswith(".toml")]


def _read(name: str, text: str) -> Preset:
    table = tomllib.loads(text)
    published = table["spec"]
    return Preset(
        name=name,
        title=table["title"],
        section=table["section"],
        about=table["about"],
        corrects=table.get("corrects"),
        pretraining=table.get("pretraining", False),
        faithful=faithful(table["faithful"]) if "faithful" in table else None,
        tables={"published": published, "quick": merged(published, table["quick"])},
    )
