"""The published numbers that reports are held against: the tables of one report, cell by cell.

A reference is one training that others ran and printed. An empty cell could not be read in the published copy:
it is None, a gap, and never a zero.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

COLUMNS = ("train_loss", "train_acc", "test_acc")
"""What a published table holds for each epoch."""


@dataclass(frozen=True)
class PublishedTable:
    """One table. `experiment` is the name of the preset that repeats it; accuracies are fractions."""

    table: str
    experiment: str
    learning_rate: float
    epochs: int
    batch_size: int
    rows: Mapping[int, Mapping[str, float | None]]
    """Each epoch's values by column."""

    @property
    def section(self) -> str:
        """The section of the report that it stands in: 3 for Table 3.1."""
        return self.table.partition(".")[0]

    def last(self, column: str) -> float | None:
        """Return the value of the last epoch."""
        return self.rows[self.epochs][column]

    def series(self, column: str) -> list[float | None]:
        """Return a column, the first epoch first."""
        return [self.rows[epoch][column] for epoch in sorted(self.rows)]

    def values(self) -> Iterator[float | None]:
        """Yield every cell, gaps too, epoch by epoch."""
        for epoch in sorted(self.rows):
            yield from (self.rows[epoch][column] for column in COLUMNS)


@cache
def published_tables() -> dict[str, PublishedTable]:
    """Return the published tables by experiment, in the order of the report."""
    text = (files("backend.catalog") / "references" / "published_tables.csv").read_text("utf-8")
    return read_tables(csv.DictReader(io.StringIO(text)))


def read_tables(lines: Iterable[Mapping[str, str]]) -> dict[str, PublishedTable]:
    """Return the tables that lines with named fields make, one line an epoch."""
    grouped: dict[str, list[Mapping[str, str]]] = {}
    for line in lines:
        grouped.setdefault(line["experiment"], []).append(line)
    return {experiment: _table(experiment, group) for experiment, group in grouped.items()}


def _table(experiment: str, lines: list[Mapping[str, str]]) -> PublishedTable:
    first = lines[0]
    return PublishedTable(
        table=first["table"],
        experiment=experiment,
        learning_rate=float(first["learning_rate"]),
        epochs=int(first["num_epochs"]),
        batch_size=int(first["batch_size"]),
        rows={int(line["epoch"]): {column: _number(line[column]) for column in COLUMNS} for line in lines},
    )


def _number(text: str) -> float | None:
    return float(text) if text else None
