"""What a preset owes to the published report: what the report says, what it leaves open, and what was chosen there."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class LeftOpen:
    """One thing that the report does not tell, what its presets do in its place, and why."""

    what: str
    chose: str
    why: str


@dataclass(frozen=True)
class Faithful:
    """What the report says of an experiment, in sentences, and what it leaves open."""

    says: tuple[str, ...]
    open: tuple[LeftOpen, ...]


def faithful(table: Mapping[str, Any]) -> Faithful:
    """Return what the table of a preset says; it names what is open by the names of `left_open.toml`."""
    return Faithful(tuple(table["says"]), tuple(left_open()[name] for name in table["open"]))


@cache
def left_open() -> dict[str, LeftOpen]:
    """Return all that presets can name as open."""
    text = (files("backend.catalog") / "left_open.toml").read_text("utf-8")
    return {name: LeftOpen(**table) for name, table in tomllib.loads(text).items()}
