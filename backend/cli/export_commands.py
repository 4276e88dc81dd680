"""Exports on the command line: a comparison to standard output, a report to a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from backend.cli.notebook_command import save
from backend.client import Client
from backend.errors import RunyardError

TableFormat = Literal["csv", "json", "latex", "markdown"]
PointsFormat = Literal["csv", "json"]
ReportFormat = Literal["html", "csv", "json", "latex", "markdown"]

SUFFIXES: dict[str, ReportFormat] = {
    ".html": "html",
    ".htm": "html",
    ".csv": "csv",
    ".json": "json",
    ".tex": "latex",
    ".md": "markdown",
}


class NoForm(RunyardError):
    """Neither a file's name nor a person says in which form to write."""


def print_comparison_as(client: Client, runs: Sequence[int], form: TableFormat, **chosen: Any) -> None:
    """Print the table of a comparison in one of the forms of the service."""
    print(client.export_comparison(runs, form, **chosen), end="")


def print_points(client: Client, runs: Sequence[int], form: PointsFormat) -> None:
    """Print all points as they come."""
    with client.export_points(runs, form) as pieces:
        for piece in pieces:
            print(piece, end="")


def save_report(
    client: Client,
    name: str,
    path: Path,
    form: ReportFormat | None,
    table: str | None,
    variant: dict[str, Any],
) -> ReportFormat:
    """Write a report to a new file, in the form that is asked for or that the file's name tells; return that form.

    Raises:
        NoForm: nothing tells it.
        NotSaved: a file is in the way, or cannot be written.
    """
    chosen = form or SUFFIXES.get(path.suffix.lower())
    if chosen is None:
        raise NoForm(
            f"{path} does not tell in which form to write: end it in {', '.join(SUFFIXES)}, or name one with --format."
        )
    save(path, client.export_report(name, chosen, table=table, **variant))
    return chosen
