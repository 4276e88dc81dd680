"""What a reference is: tables of published numbers, each by the name of the experiment that it is of.

A cell that is not there is a gap, and never a zero. Accuracies are shares from 0 to 1, losses nats.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.analysis.replication import DEFAULT_TOLERANCE_POINTS
from backend.catalog.references import COLUMNS, PublishedTable
from backend.catalog.reports import Protocol

PUBLISHED = "published"
"""Name of the reference that Runyard brings."""

AT_THE_END = 0
"""Stands for the epoch of values that were published without one: those of the trained model."""

FACTS = (
    "dataset",
    "train_images",
    "test_images",
    "image_size",
    "learning_rate",
    "num_epochs",
    "batch_size",
)
"""What a table may say of how its numbers were made; what it does not say is not compared."""


@dataclass(frozen=True)
class ReferenceTable:
    """One table. `experiment` is what reports find it by: the name of a preset, or any other."""

    experiment: str
    table: str | None
    title: str | None
    facts: Mapping[str, Any]
    rows: Mapping[int, Mapping[str, float]]
    """Values by epoch and metric; those without an epoch stand at AT_THE_END."""

    @property
    def epochs(self) -> int | None:
        """How many epochs were trained, as far as the table tells."""
        stated = self.facts.get("num_epochs")
        return stated if stated is not None else max(self.rows, default=0) or None

    def value(self, metric: str, epoch: int, *, is_last: bool = False) -> float | None:
        """Return a published value; for the last epoch of a training one without an epoch will do."""
        found = self.rows.get(epoch, {}).get(metric)
        if found is None and is_last:
            return self.rows.get(AT_THE_END, {}).get(metric)
        return found

    def last(self, metric: str) -> float | None:
        """Return the value of the last epoch of the table, or the one that was published without an epoch."""
        return self.value(metric, self.epochs or AT_THE_END, is_last=True)

    def series(self, metric: str) -> tuple[list[int], list[float | None]]:
        """Return the epochs of the table and a metric's value at each."""
        epochs = [epoch for epoch in sorted(self.rows) if epoch != AT_THE_END]
        return epochs, [self.rows[epoch].get(metric) for epoch in epochs]


@dataclass(frozen=True)
class Reference:
    """`tolerance_points` is the one that its verdicts have unless another is chosen: see `analysis.replication`."""

    name: str
    title: str
    tolerance_points: float
    tables: Mapping[str, ReferenceTable]

    @property
    def is_builtin(self) -> bool:
        return self.name == PUBLISHED

    def as_json(self) -> dict[str, Any]:
        """Return its tables as they are stored."""
        return {
            "tables": [
                {
                    "experiment": table.experiment,
                    "table": table.table,
                    "title": table.title,
                    "facts": dict(table.facts),
                    "rows": [{"epoch": epoch, **table.rows[epoch]} for epoch in sorted(table.rows)],
                }
                for table in self.tables.values()
            ]
        }


def from_json(name: str, title: str, tolerance_points: float, stored: Mapping[str, Any]) -> Reference:
    """Return a reference as it was stored."""
    tables = {
        one["experiment"]: ReferenceTable(
            one["experiment"],
            one["table"],
            one["title"],
            one["facts"],
            {row["epoch"]: {name: row[name] for name in COLUMNS if name in row} for row in one["rows"]},
        )
        for one in stored["tables"]
    }
    return Reference(name, title, tolerance_points, tables)


def builtin(tables: Mapping[str, PublishedTable], protocol: Protocol) -> Reference:
    """Return the published report's tables as a reference."""
    return Reference(
        PUBLISHED,
        "The published report",
        DEFAULT_TOLERANCE_POINTS,
        {name: _of_published(table, protocol) for name, table in tables.items()},
    )


def _of_published(table: PublishedTable, protocol: Protocol) -> ReferenceTable:
    facts = {
        "dataset": protocol.dataset,
        "train_images": protocol.train_images,
        "test_images": protocol.test_images,
        "learning_rate": table.learning_rate,
        "num_epochs": table.epochs,
        "batch_size": table.batch_size,
    }
    rows = {
        epoch: {name: value for name, value in values.items() if value is not None}
        for epoch, values in table.rows.items()
    }
    return ReferenceTable(table.experiment, table.table, None, facts, rows)
