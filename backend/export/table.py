"""A table on its way out: exactly, for programs, and as the page shows it, for people."""

from dataclasses import dataclass, field

Value = str | int | float | bool | None
"""A cell for programs. A measured value that is no number stands there by its name: nan, inf, -inf."""


@dataclass(frozen=True)
class Head:
    """The head of a column as people read it. Neighbours of one `group` share a head above theirs."""

    text: str
    numeric: bool = True
    group: str | None = None


@dataclass(frozen=True)
class Table:
    """`fields` and `records` are exact and for programs; `heads` and `rows` are what the page shows, rounded as there.

    `notes` are sentences that belong below it. Each record has a value for each field, each row a text for each head.
    """

    name: str
    caption: str
    fields: list[str]
    records: list[list[Value]]
    heads: list[Head]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        assert all(len(record) == len(self.fields) for record in self.records)
        assert all(len(row) == len(self.heads) for row in self.rows)


def groups(heads: list[Head]) -> list[tuple[str | None, int]]:
    """Return the heads above the heads, each with how many columns it spans, from the left."""
    found: list[tuple[str | None, int]] = []
    for head in heads:
        if found and head.group is not None and found[-1][0] == head.group:
            found[-1] = (head.group, found[-1][1] + 1)
        else:
            found.append((head.group, 1))
    return found


def full_head(head: Head) -> str:
    """Return a head that stands alone: "Test acc., %, measured"."""
    return head.text if head.group is None else f"{head.group}, {head.text}"
