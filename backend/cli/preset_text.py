"""All about a preset, as text: what the report says of it, what it leaves open, and its spec."""

import json
import re
import shutil
import textwrap
from collections.abc import Iterator
from typing import Any

from backend.cli.tables import plain_lines
from backend.sentences import SHA256
from backend.snippets import leaves
from backend.spec import field_rules

WIDEST = 100

TELLING = ("loss.name", "optimizer.name", "optimizer.lr", "epochs", "batch_size")
"""Fields that are shown even where they are as they would be anyway."""


def print_preset(preset: dict[str, Any]) -> None:
    """Print a preset, with lines no wider than the terminal."""
    width = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
    for line in preset_lines(preset, width):
        print(line)


def preset_lines(preset: dict[str, Any], width: int = WIDEST) -> Iterator[str]:
    """Yield what a preset is, what it owes to the report, and the fields that tell something, in both sizes."""
    section = f" (section {preset['section']} of the report)" if preset["section"] else ""
    yield f"{preset['title']}{section}"
    yield from textwrap.wrap(preset["about"], width)
    if preset["faithful"]:
        yield from _faithful(preset["faithful"], width)
    yield ""
    yield from plain_lines(("field", "published", "quick"), _fields(preset["sizes"]))


def _faithful(faithful: dict[str, Any], width: int) -> Iterator[str]:
    yield ""
    yield "The report says:"
    for sentence in faithful["says"]:
        yield from _wrapped(sentence, width, "- ")
    yield ""
    yield "It leaves open, and here it is:"
    for one in faithful["open"]:
        yield from _wrapped(f"{one['what']}: {one['chose']}.", width, "- ")
        yield from _wrapped(one["why"], width, "  ")


def _wrapped(text: str, width: int, begin: str) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=begin, subsequent_indent="  ", break_on_hyphens=False)


def _fields(sizes: dict[str, dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Return the fields that tell something: those that are as they would be anyway do not."""
    published, quick = (dict(leaves(sizes[size])) for size in ("published", "quick"))
    return [
        (path, _text(value), _text(quick.get(path)))
        for path, value in published.items()
        if path in TELLING or not value == quick.get(path) == field_rules(path).get("default")
    ]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    return value[:12] if re.fullmatch(SHA256, value) else value
