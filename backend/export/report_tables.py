"""The tables of a report, out of what GET /api/reports/{name} answers: exactly, and rounded as on the page."""

from collections.abc import Callable
from typing import Any

from backend.errors import UnknownName
from backend.export import page_numbers as page
from backend.export.experiment_table import experiment_table
from backend.export.table import Head, Table

View = dict[str, Any]
Block = dict[str, Any]

CLAIM_TITLES = {
    "stated": "The report states",
    "published": "Its numbers say",
    "remark": "Remark",
    "measured": "Measured here",
    "otherwise": "Otherwise than stated",
    "models": "These two models",
    "recipes": "These two recipes",
    "more": "More seeds",
    "note": "Note",
}
"""Of what is said of a stated sentence, what is shown, in this order."""

ALL = "all"
ARMS = (("published", "As published"), ("corrected", "Corrected"))


def report_tables(view: View) -> list[Table]:
    """Return all tables of a report in its order. Each is named by the place where it stands: 1.1, 1.3, S."""
    makers: dict[str, Callable[[Block], Table]] = {
        "changes": _changes,
        "experiment": experiment_table,
        "comparison": _comparison,
        "sweep": sweep_table,
    }
    return [makers[block["kind"]](block) for block in blocks(view) if block["kind"] in makers]


def chosen_tables(view: View, name: str | None) -> list[Table]:
    """Return all tables of a report, or the one of that name.

    Raises:
        UnknownName: it has none of that name.
    """
    tables = report_tables(view)
    if name is None:
        return tables
    found = [table for table in tables if table.name == name]
    if not found:
        raise UnknownName("table", name, [table.name for table in tables])
    return found


def all_experiments(view: View) -> Table:
    """Return the tables of all experiments as one, for forms that hold one table: its first fields tell them apart."""
    tables = [(block, experiment_table(block)) for block in blocks(view, "experiment")]
    fields = list(dict.fromkeys(field for _, table in tables for field in table.fields))
    records = [
        [
            block["id"],
            block["title"],
            block["recipe"],
            (block["run"] or {}).get("id"),
            *map(by_field.get, fields),
        ]
        for block, table in tables
        for record in table.records
        for by_field in [dict(zip(table.fields, record, strict=True))]
    ]
    return Table(
        ALL, view["title"], ["table", "title", "recipe", "run", *fields], records, [], [[] for _ in records]
    )


def blocks(view: View, kind: str | None = None) -> list[Block]:
    return [
        block
        for section in view["sections"]
        for block in section["blocks"]
        if kind is None or block["kind"] == kind
    ]


def sweep_table(block: Block) -> Table:
    """Return the sweep, a layer a row, as published beside corrected."""
    cells = ("train_loss", "test_acc", "largest_share", "collapsed")
    heads = ("Train loss", "Test acc., %", "Largest, %", "Run")
    return Table(
        name=block["id"],
        caption=block["title"],
        fields=[
            *("node", "shape", "dimension", "mean_square_norm", "lr"),
            *(f"{arm}_{field}" for arm, _ in ARMS for field in (*cells, "run")),
            "reason",
        ],
        records=[
            [
                *(row["node"], _shape(row, ""), row["dimension"], row["mean_square_norm"], row["lr"]),
                *(
                    value
                    for arm, _ in ARMS
                    for value in (*(row[arm].get(cell) for cell in cells), (row[arm]["run"] or {}).get("id"))
                ),
                row["reason"],
            ]
            for row in block["rows"]
        ],
        heads=[
            *(
                Head("Node", numeric=False),
                Head("Shape"),
                Head("Features"),
                Head("Mean square"),
                Head("Rate"),
            ),
            *(Head(head, group=title) for _, title in ARMS for head in heads),
        ],
        rows=[
            [
                *(row["node"], _shape(row, page.MISSING), page.count(row["dimension"])),
                *(page.short(row["mean_square_norm"]), page.short(row["lr"])),
                *(text for arm, _ in ARMS for text in _arm(row[arm])),
            ]
            for row in block["rows"]
        ],
        notes=[f"{row['node']}: {row['reason']}" for row in block["rows"]],
    )


def _shape(row: dict[str, Any], missing: str) -> str:
    return " × ".join(str(size) for size in row["shape"]) if row["shape"] else missing


def _arm(cell: dict[str, Any]) -> list[str]:
    run = cell["run"]
    return [
        page.loss(cell["train_loss"]),
        page.percent(cell["test_acc"]),
        page.percent(cell["largest_share"]),
        str(run["id"]) if run else page.MISSING,
    ]


def _comparison(block: Block) -> Table:
    """Return the stated sentences, with what the published numbers, and those measured here, say of each."""
    titles = CLAIM_TITLES
    return _plain(block, list(titles), tuple(titles.values()), [claim(item) for item in block["items"]])


def claim(item: dict[str, Any]) -> dict[str, Any]:
    """Return what is said of a stated sentence, flat: both tests and the seeds that would settle it by their sentences."""
    tests = item.get("tests") or {}
    return {**item, **{name: (tests.get(name) or {}).get("text") for name in ("models", "recipes", "more")}}


def _changes(block: Block) -> Table:
    fields = ["title", "path", "before", "after", "sections"]
    rows = [{**row, "sections": ", ".join(row["sections"])} for row in block["rows"]]
    return _plain(block, fields, ("Network", "Layer", "Before", "After", "Used in"), rows)


def _plain(block: Block, fields: list[str], titles: tuple[str, ...], items: list[dict[str, Any]]) -> Table:
    """Return a table of texts, which are the same for programs and for people."""
    return Table(
        name=block["id"],
        caption=block["title"],
        fields=fields,
        records=[[item.get(field) for field in fields] for item in items],
        heads=[Head(title, numeric=False) for title in titles],
        rows=[[str(item.get(field) or "") for field in fields] for item in items],
    )
