"""From the text of a CSV or TOML file to a reference, or to one sentence that says what is wrong with it, and where."""

import csv
import io
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from backend.analysis.replication import DEFAULT_TOLERANCE_POINTS, MOST_TOLERANCE_POINTS
from backend.catalog.references import COLUMNS
from backend.errors import InvalidReference
from backend.references.tables import AT_THE_END, FACTS, PUBLISHED, Reference, ReferenceTable
from backend.text import is_clean

Format = Literal["csv", "toml"]

_QUOTED = re.compile(r'"[^"\n]*"|\'[^\'\n]*\'')
_DEEP_KEY = re.compile(r"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){10}")

MOST_CHARACTERS = 500_000
MOST_ROWS = 5_000
MOST_TABLES = 200
LARGEST_NUMBER = 1_000_000_000
"""Of images, pixels and epochs."""
LONGEST_NAME = 100
LONGEST_TITLE = 300
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

OF_TABLE = ("experiment", "table", "title", *FACTS)
KNOWN = (*OF_TABLE, "epoch", *COLUMNS)
WHOLE = ("train_images", "test_images", "image_size", "num_epochs", "batch_size")

Line = tuple[str, Mapping[str, Any]]
"""Where it stands, for sentences, and its fields; those that are empty are left out."""


def read_reference(
    name: str,
    format_: Format,
    text: str,
    *,
    title: str | None = None,
    tolerance_points: float | None = None,
) -> Reference:
    """Return the reference that a file's text holds; a title and a tolerance that are given go before the file's.

    Raises:
        InvalidReference: with what is wrong, where, and what is allowed.
    """
    checked_name(name)
    if len(text) > MOST_CHARACTERS:
        raise InvalidReference(
            f"The table has {len(text):,} characters; it may have {MOST_CHARACTERS:,} at most."
        )
    head, lines = _of_toml(text) if format_ == "toml" else ({}, list(_of_csv(text)))
    if not lines:
        raise InvalidReference("The table has no row; one at least is needed.")
    if len(lines) > MOST_ROWS:
        raise InvalidReference(f"The table has {len(lines):,} rows; it may have {MOST_ROWS:,} at most.")
    tolerance = head.get("tolerance_points") if tolerance_points is None else tolerance_points
    return Reference(
        name=name,
        title=_text("title", title or head.get("title") or name, "The reference", LONGEST_TITLE),
        tolerance_points=checked_tolerance(DEFAULT_TOLERANCE_POINTS if tolerance is None else tolerance),
        tables=_tables(lines),
    )


def checked_name(name: str) -> str:
    """Return a name for a reference of a person's own.

    Raises:
        InvalidReference: it is too long, holds other characters, or is Runyard's.
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise InvalidReference(
            f"The name is {name!r:.120}; it must be 1 to {LONGEST_NAME} letters, digits, '.', '_' or '-', and begin with "
            "a letter or a digit."
        )
    if name == PUBLISHED:
        raise InvalidReference(
            f"The name '{PUBLISHED}' is that of the report that comes with Runyard; choose another."
        )
    return name


def checked_tolerance(value: Any) -> float:
    """Return a tolerance in points.

    Raises:
        InvalidReference: it is no number from 0 to 100.
    """
    number = not isinstance(value, bool) and isinstance(value, int | float)
    if not number or not 0 <= value <= MOST_TOLERANCE_POINTS:
        raise InvalidReference(
            f"tolerance_points is {value!r:.60}; it must be a number from 0 to {MOST_TOLERANCE_POINTS:g}."
        )
    return float(value)


def _of_csv(text: str) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = [one.strip() for one in next(reader, [])]
        _check_columns(header)
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            where = f"Line {reader.line_num}"
            if len(values) != len(header):
                raise InvalidReference(
                    f"{where} has {len(values)} fields; the first line names {len(header)} columns."
                )
            yield (
                where,
                {name: value.strip() for name, value in zip(header, values, strict=True) if value.strip()},
            )
    except csv.Error as problem:
        raise InvalidReference(f"Line {reader.line_num} cannot be read as CSV: {problem}.") from None


def _check_columns(header: list[str]) -> None:
    for name in header:
        if name not in KNOWN:
            raise InvalidReference(
                f"The first line names a column {name!r:.60}; there may be: {', '.join(KNOWN)}."
            )
        if header.count(name) > 1:
            raise InvalidReference(f"The first line names the column '{name}' twice.")
    if "experiment" not in header or not set(COLUMNS) & set(header):
        raise InvalidReference(
            f"The first line must name the column 'experiment' and one of {', '.join(COLUMNS)} at least."
        )


def _of_toml(text: str) -> tuple[dict[str, Any], list[Line]]:
    # tomllib takes the square of a dotted key's parts in time: seconds for a line of 16 kB.
    if (deep := _DEEP_KEY.search(_QUOTED.sub("q", text))) is not None:
        raise InvalidReference(f"The text has a key of many parts, {deep[0]!r:.60}; a key here has one part.")
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as problem:
        raise InvalidReference(f"The text cannot be read as TOML: {problem!s:.200}.") from None
    _only(found, ("title", "tolerance_points", "tables"), "The file")
    tables = found.get("tables", [])
    if not isinstance(tables, list):
        raise InvalidReference("tables must be a list of tables: begin each with [[tables]].")
    lines: list[Line] = []
    for number, table in enumerate(tables, start=1):
        where = f"Table {number}"
        if not isinstance(table, dict):
            raise InvalidReference(f"{where} is no table: begin it with [[tables]].")
        _only(table, (*OF_TABLE, "rows"), where)
        rows = table.get("rows", [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InvalidReference(
                f"{where}: rows must be a list of tables: begin each with [[tables.rows]]."
            )
        shared = {name: value for name, value in table.items() if name != "rows"}
        for place, row in enumerate(rows, start=1):
            _only(row, ("epoch", *COLUMNS), f"{where}, row {place}")
            lines.append((f"{where}, row {place}", {**shared, **row}))
    return found, lines


def _only(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for name in table:
        if name not in known:
            raise InvalidReference(f"{where} has a field {name!r:.60}; there may be: {', '.join(known)}.")


def _tables(lines: list[Line]) -> dict[str, ReferenceTable]:
    found: dict[str, ReferenceTable] = {}
    rows: dict[str, dict[int, dict[str, float]]] = {}
    for where, line in lines:
        made = _head_of(where, line)
        known = found.setdefault(made.experiment, made)
        if (known.table, known.title, known.facts) != (made.table, made.title, made.facts):
            raise InvalidReference(
                f"{where} says something else of '{made.experiment}' than the lines before it: table, title and what was "
                "trained must be the same in all of them."
            )
        if len(found) > MOST_TABLES:
            raise InvalidReference(f"There are more than {MOST_TABLES} tables.")
        epoch, values = _row(where, line)
        of_table = rows.setdefault(made.experiment, {})
        if epoch in of_table:
            what = f"epoch {epoch}" if epoch != AT_THE_END else "values without an epoch"
            raise InvalidReference(f"{where} repeats {what} of '{made.experiment}'.")
        of_table[epoch] = values
    return {
        name: ReferenceTable(name, one.table, one.title, one.facts, rows[name]) for name, one in found.items()
    }


def _head_of(where: str, line: Mapping[str, Any]) -> ReferenceTable:
    if "experiment" not in line:
        raise InvalidReference(f"{where} names no experiment.")
    facts: dict[str, Any] = {}
    for name in FACTS:
        if name not in line:
            continue
        if name == "dataset":
            facts[name] = _text(name, line[name], where, LONGEST_NAME)
        elif name in WHOLE:
            facts[name] = _whole(name, line[name], where)
        else:
            facts[name] = _positive(name, line[name], where)
    texts = {
        name: _text(name, line[name], where, LONGEST_TITLE) if name in line else None
        for name in ("table", "title")
    }
    experiment = _text("experiment", line["experiment"], where, LONGEST_NAME)
    return ReferenceTable(experiment, texts["table"], texts["title"], facts, {})


def _row(where: str, line: Mapping[str, Any]) -> tuple[int, dict[str, float]]:
    epoch = _whole("epoch", line["epoch"], where) if "epoch" in line else AT_THE_END
    return epoch, {name: _value(name, line[name], where) for name in COLUMNS if name in line}


def _value(name: str, given: Any, where: str) -> float:
    value = _number(name, given, where)
    if name.endswith("acc") and not 0 <= value <= 1:
        hint = f" Write {value / 100:g} for {value:g}%." if 1 < value <= 100 else ""
        raise InvalidReference(f"{where}: {name} is {given!s:.40}; it must be a share from 0 to 1.{hint}")
    if value < 0:
        raise InvalidReference(f"{where}: {name} is {given!s:.40}; it must be 0 or more.")
    return value


def _number(name: str, given: Any, where: str) -> float:
    try:
        value = math.nan if isinstance(given, bool) else float(given)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise InvalidReference(
            f"{where}: {name} is {given!r:.60}; it must be a number, or left out where it is not known."
        )
    return value


def _positive(name: str, given: Any, where: str) -> float:
    value = _number(name, given, where)
    if value <= 0:
        raise InvalidReference(f"{where}: {name} is {given!s:.40}; it must be more than 0.")
    return value


def _whole(name: str, given: Any, where: str) -> int:
    value = _number(name, given, where)
    if value != int(value) or not 1 <= value <= LARGEST_NUMBER:
        raise InvalidReference(
            f"{where}: {name} is {given!s:.40}; it must be a whole number from 1 to {LARGEST_NUMBER:,}."
        )
    return int(value)


def _text(name: str, given: Any, where: str, longest: int) -> str:
    text = str(given).strip() if isinstance(given, str | int | float) else ""
    if not 0 < len(text) <= longest or not is_clean(text):
        raise InvalidReference(
            f"{where}: {name} is {given!r:.60}; it must be 1 to {longest} visible characters."
        )
    return text
