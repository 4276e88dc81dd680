"""Tables and JSON on standard output: coloured and fitted on a terminal, whole lines for other programs."""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from backend.durations import duration

COLOURS = {
    "completed": "green",
    "running": "blue",
    "cancelling": "yellow",
    "failed": "red",
    "cancelled": "dim",
    "lost": "red",
    "stale": "yellow",
    "running, stale": "yellow",
    "cancelling, stale": "yellow",
    "draining": "yellow",
}
"""Of states, of runs and of workers."""

GAP = "—"

Rows = Iterable[Sequence[str]]


def print_json(value: Any, *, as_line: bool = False) -> None:
    """Print JSON for people's eyes too; `as_line` one of several values, each on a line."""
    print(json.dumps(value, indent=None if as_line else 2, allow_nan=False), flush=as_line)


def print_table(columns: Sequence[str], rows: Rows) -> None:
    """Print a table. A column whose title ends in ">" is aligned to the right; states are coloured."""
    console = Console()
    if console.is_terminal:
        console.print(rich_table(columns, rows))
        return
    for line in plain_lines(columns, rows):
        print(line)


def rich_table(columns: Sequence[str], rows: Rows) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column.removesuffix(">"), justify="right" if column.endswith(">") else "left")
    for row in rows:
        table.add_row(*(Text(visible(cell), style=COLOURS.get(cell, "")) for cell in row))
    return table


def plain_lines(columns: Sequence[str], rows: Rows) -> list[str]:
    """Return a table as aligned lines, however wide: programs cut them better than we do."""
    titles = [column.removesuffix(">") for column in columns]
    lines = [titles, *([visible(cell) for cell in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(titles))]
    aligned = [
        [
            cell.rjust(width) if column.endswith(">") else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ]
        for line in lines
    ]
    return ["  ".join(cells).rstrip() for cells in aligned]


def visible(text: str) -> str:
    """Return text that cannot command a terminal: without control characters, but for tabs."""
    return "".join(
        "\ufffd" if unicodedata.category(character) == "Cc" and character != "\t" else character
        for character in text
    )


def percent(value: float | None) -> str:
    return GAP if value is None else f"{100 * value:.1f} %"


def number(value: float | None) -> str:
    """Return a measured number, short; a gap for what is none."""
    if value is None:
        return GAP
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def instant(iso: str | None) -> str:
    """Return a time of the service to the second, as people read it."""
    return GAP if iso is None else iso[:19].replace("T", " ") + " UTC"


def ago(iso: str, now: datetime | None = None) -> str:
    """Return how long ago a time of the service was."""
    seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(iso)).total_seconds()
    return f"{duration(max(0.0, seconds))} ago"


def state_text(state: str) -> str:
    """Return a state in its colour, as rich's markup."""
    colour = COLOURS.get(state)
    return f"[{colour}]{state}[/{colour}]" if colour else state
