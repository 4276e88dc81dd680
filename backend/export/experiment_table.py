"""The table of one experiment of a report: an epoch a row, what was published beside what was measured, and the verdict."""

from typing import Any

from backend.export import page_numbers as page
from backend.export.table import Head, Table, Value

Block = dict[str, Any]
Row = dict[str, Any]

TITLES = {
    "train_loss": "Train loss",
    "train_acc": "Train acc., %",
    "test_loss": "Test loss",
    "test_acc": "Test acc., %",
}
JUDGED = "test_acc"
"""The metric whose difference and verdict the page shows."""


def experiment_table(block: Block) -> Table:
    """Return the table of an experiment. `measured_` is the run of this view's seed; mean and n are over all seeds that count."""
    columns, references = block["columns"], [one["name"] for one in block["references"]]
    fields = [
        "epoch",
        *(name for metric in columns for name in _fields(metric, references)),
    ]
    return Table(
        name=block["id"],
        caption=f"{block['title']}: published beside measured",
        fields=fields,
        records=[
            [
                row["epoch"],
                *(value for metric in columns for value in _exact(row, metric)),
            ]
            for row in block["rows"]
        ],
        heads=[
            Head("Epoch"),
            *(
                Head(text, group=TITLES.get(metric, metric))
                for metric in columns
                for text in _heads(block["references"])
            ),
            Head("n"),
        ],
        rows=[_row(row, columns, block["references"]) for row in block["rows"]],
        notes=[
            page.LEGEND,
            *(
                f"{one['title']}: {one['verdict']['text']}"
                for one in block["references"]
                if one["verdict"] is not None
            ),
        ],
    )


def _fields(metric: str, references: list[str]) -> list[str]:
    """Return the fields of a metric. Those of the main reference have no name before them."""
    of_references = [
        f"{'' if place == 0 else f'{name}_'}{field}_{metric}"
        for place, name in enumerate(references)
        for field in ("published", "delta", "outcome")
    ]
    return [
        *of_references,
        *(f"{field}_{metric}" for field in ("measured", "mean", "half_width", "low", "high", "n")),
    ]


def _exact(row: Row, metric: str) -> list[Value]:
    judged = [(one[metric] or {}) for one in row["judged"]]
    cell = row["cells"][metric]
    word = row["nonfinite"].get(metric)
    return [
        *(one.get(field) for one in judged for field in ("published", "delta", "outcome")),
        word or (row["measured"] or {}).get(metric),
        *(cell[field] for field in ("mean", "half", "low", "high", "n")),
    ]


def _heads(references: list[dict[str, Any]]) -> list[str]:
    """Return the heads of a metric: one reference stands before what was measured, as in print; several stand behind it."""
    if len(references) == 1:
        return ["published", "measured", "Δ"]
    return ["measured", *(head for one in references for head in (one["name"], f"Δ {one['name']}"))]


def _row(row: Row, columns: list[str], references: list[dict[str, Any]]) -> list[str]:
    cells = [str(row["epoch"])]
    for metric in columns:
        told = [
            (_published(judged[metric], metric, one), _difference(judged[metric], metric))
            for judged, one in zip(row["judged"], references, strict=True)
        ]
        if len(told) == 1:
            cells += [told[0][0], measured(row, metric), told[0][1]]
        else:
            cells += [measured(row, metric), *(text for pair in told for text in pair)]
    return [*cells, str(row["cells"][JUDGED]["n"] or page.MISSING)]


def _published(judged: dict[str, Any] | None, metric: str, reference: dict[str, Any]) -> str:
    """Return what was published; what cannot be read is a dot, and nothing where the reference has no such table."""
    if judged is not None:
        return page.shown(metric, judged["published"])
    return page.UNREADABLE if reference["there"] else ""


def _difference(judged: dict[str, Any] | None, metric: str) -> str:
    """Return the difference with the mark of its verdict; what cannot be read is held against nothing."""
    if judged is None:
        return ""
    return f"{page.difference(metric, judged['delta'])} {page.MARKS.get(judged['outcome'], '')}".rstrip()


def measured(row: Row, metric: str) -> str:
    """Return what was measured over the seeds that count; where none does, the value of the run that is shown, or a dash.

    A value that is no number is written by its name.
    """
    cell, word = row["cells"][metric], row["nonfinite"].get(metric)
    if cell["n"]:
        return page.over_seeds(metric, cell)
    return page.word(word) if word else page.shown(metric, (row["measured"] or {}).get(metric))
