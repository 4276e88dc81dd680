"""Fields of a spec as they are typed: --set FIELD=VALUE, --grid FIELD=VALUE,VALUE, --spec FILE."""

import json
import sys
from pathlib import Path
from typing import Any

import typer

from backend.errors import RunyardError
from backend.snippets import read_word


class UnreadableSpec(RunyardError):
    """A file of a spec that cannot be read, or holds none."""


def overrides(pairs: list[str]) -> dict[str, Any] | None:
    """Turn FIELD=VALUE into nested tables; numbers become numbers, "none" null, "true" and "false" what they say."""
    result: dict[str, Any] = {}
    for pair in pairs:
        path, text = _split(pair, "--set", "FIELD=VALUE, such as optimizer.lr=0.1")
        *parents, last = path.split(".")
        table = result
        for parent in parents:
            below = table.setdefault(parent, {})
            if not isinstance(below, dict):
                raise typer.BadParameter(f"--set names {parent} both as a value and as a table.")
            table = below
        if isinstance(table.get(last), dict):
            raise typer.BadParameter(f"--set names {last} both as a value and as a table.")
        table[last] = read_word(text, path)
    return result or None


def grid(pairs: list[str]) -> dict[str, list[Any]] | None:
    """Turn FIELD=V1,V2 into lists of values by field; the last field changes fastest."""
    result: dict[str, list[Any]] = {}
    for pair in pairs:
        path, text = _split(pair, "--grid", "FIELD=V1,V2, such as optimizer.lr=0.1,0.05")
        if path in result:
            raise typer.BadParameter(f"--grid names {path} twice; give all its values at once.")
        result[path] = [read_word(word.strip(), path) for word in text.split(",")]
    return result or None


def spec_of(file: Path | None) -> dict[str, Any] | None:
    """Return the spec in a JSON file; "-" is standard input.

    Raises:
        UnreadableSpec: it cannot be read, or is no JSON object.
    """
    if file is None:
        return None
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
        found = json.loads(text)
    except OSError as problem:
        raise UnreadableSpec(f"{file} cannot be read: {problem.strerror}.") from None
    except ValueError as problem:  # no JSON, or no UTF-8
        raise UnreadableSpec(f"{file} is no JSON: {problem}.") from None
    if not isinstance(found, dict):
        raise UnreadableSpec(
            f"{file} holds no JSON object; a spec is one, as `runyard run ID --json` shows it."
        )
    return found


def _split(pair: str, option: str, form: str) -> tuple[str, str]:
    path, equals, text = pair.partition("=")
    if not equals or not path:
        raise typer.BadParameter(f"{option} is {pair!r}; it must be {form}.")
    return path, text
