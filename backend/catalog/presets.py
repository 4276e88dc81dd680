"""The presets: named specs, each as published and in a quick size, one TOML file apiece."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from backend.errors import UnknownName
from backend.spec import Spec, parse_spec

Size = Literal["published", "quick"]
SIZES: tuple[Size, ...] = ("published", "quick")


@dataclass(frozen=True)
class Preset:
    """A named spec. `section` is the section of the published report that it repeats."""

    name: str
    title: str
    section: str
    about: str
    specs: dict[Size, dict[str, Any]]

    def spec(self, size: Size, overrides: dict[str, Any] | None = None) -> Spec:
        """Return the spec in one size, with single fields overridden.

        Raises:
            InvalidSpec: an override names no field, or a value is out of its range.
        """
        return parse_spec(merged(self.specs[size], overrides or {}))


@cache
def presets() -> dict[str, Preset]:
    """Return all presets by name, in the order of the report's sections."""
    found = [_read(entry.name.removesuffix(".toml"), entry.read_text("utf-8")) for entry in _preset_files()]
    return {preset.name: preset for preset in sorted(found, key=lambda preset: preset.section)}


def preset(name: str) -> Preset:
    """Return one preset.

    Raises:
        UnknownName: naming the near ones.
    """
    try:
        return presets()[name]
    except KeyError:
        raise UnknownName("preset", name, presets()) from None


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
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
        specs={"published": published, "quick": merged(published, table["quick"])},
    )
