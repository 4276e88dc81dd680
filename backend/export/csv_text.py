"""CSV as RFC 4180 has it, which no spreadsheet takes for commands."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from backend.export.table import Table, Value

COMMANDS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?inf|nan", re.ASCII)
"""What is left as it is: a number cannot be a command."""


def cell(value: Value) -> str:
    """Return a cell: numbers in full precision, None as nothing; a text that begins like a formula gets a quote before it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return f"'{value}" if value.startswith(COMMANDS) and not NUMBER.fullmatch(value) else value


def lines(records: Iterable[Sequence[Value]]) -> str:
    """Return records as lines of CSV."""
    text = io.StringIO()
    csv.writer(text).writerows([cell(value) for value in record] for record in records)
    return text.getvalue()


def csv_text(table: Table) -> str:
    """Return a table in full precision, its fields in the first line."""
    return lines([table.fields, *table.records])
