"""The forms in which a table can be had, and what a file of each is called."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from backend.export.csv_text import csv_text
from backend.export.latex import latex
from backend.export.markdown import markdown
from backend.export.table import Table

TableFormat = Literal["csv", "json", "latex", "markdown"]
PointsFormat = Literal["csv", "json"]

MEDIA_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "latex": "application/x-tex",
    "markdown": "text/markdown",
    "html": "text/html",
}
SUFFIXES = {"csv": "csv", "json": "json", "latex": "tex", "markdown": "md", "html": "html"}

LONGEST_NAME = 80

Stamp = Mapping[str, Any]
"""Where the numbers are from: `version`, the store's `cursor`, and when they were `exported_at`."""


def file_name(form: str, *parts: object) -> str:
    """Return a name of letters, digits and hyphens, whatever its parts hold."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", "-".join(str(part) for part in ("runyard", *parts)))
    return f"{words[:LONGEST_NAME].strip('-')}.{SUFFIXES[form]}"


def written(tables: Sequence[Table], form: TableFormat, stamp: Stamp) -> str:
    """Return tables as one text: in full precision for programs, rounded as on the page for people.

    CSV holds one table, and has no place for the stamp.
    """
    match form:
        case "csv":
            (table,) = tables
            return csv_text(table)
        case "json":
            return json.dumps(
                {**stamp, "tables": [_json(table) for table in tables]}, indent=1, allow_nan=False
            )
        case "latex":
            return "\n".join(
                [
                    f"% {_origin(stamp)}",
                    r"% Needs \usepackage{booktabs}.",
                    *(latex(table) for table in tables),
                ]
            )
        case "markdown":
            return "\n".join([*(markdown(table) for table in tables), f"<!-- {_origin(stamp)} -->\n"])


def _json(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "caption": table.caption,
        "rows": [dict(zip(table.fields, record, strict=True)) for record in table.records],
        "notes": table.notes,
    }


def _origin(stamp: Stamp) -> str:
    return f"Runyard {stamp['version']}, {stamp['exported_at']}, store {stamp['cursor']}"
