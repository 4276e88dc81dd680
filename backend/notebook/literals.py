"""Values as text that is safe where it stands: Python literals in code, plain words in Markdown."""

import math
from typing import Any

_LINE = 100
"""A table longer than this many characters has a line for each of its entries."""


def literal(value: Any, indent: str = "") -> str:
    """Return a value of JSON, or a float that is none, as Python source; tables that hold tables in several lines."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, str):
        return _quoted(value)
    if not isinstance(value, dict):
        return repr(value)
    inner = indent + "    "
    entries = [f"{literal(key)}: {literal(entry, inner)}" for key, entry in value.items()]
    line = f"{{{', '.join(entries)}}}"
    if len(indent) + len(line) <= _LINE and "\n" not in line and not any(map(_is_table, value.values())):
        return line
    return "{\n" + "".join(f"{inner}{entry},\n" for entry in entries) + indent + "}"


def plain(text: str) -> str:
    """Return a text for Markdown that means nothing there: what is no letter or digit becomes an entity.

    Backslashes would not do: raw HTML and formulas are found before they are.
    """
    return "".join(
        character if character.isalnum() or character == " " else f"&#{ord(character)};"
        for character in " ".join(text.split())
    )


def _quoted(text: str) -> str:
    """Return it as Python writes it, in double quotes where it holds none."""
    source = repr(text)
    return source if '"' in source else f'"{source[1:-1]}"'


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)
