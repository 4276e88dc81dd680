"""Tables for Markdown, as GitHub and most others read them."""

import re

from backend.export.table import Table, full_head

MARKS = re.compile(r"([\\`*_{}\[\]<>#|~$!&@])")
"""What Markdown, or the HTML and mathematics within it, would read as more than a sign."""


def escaped(text: str) -> str:
    """Return text that Markdown shows as it stands, in one line."""
    return MARKS.sub(r"\\\1", " ".join(text.split()))


def markdown(table: Table) -> str:
    """Return a table; numbers are rounded as on the page."""
    lines = [
        f"**{escaped(table.caption)}**",
        "",
        _row([full_head(head) for head in table.heads]),
        "| " + " | ".join("---:" if head.numeric else ":---" for head in table.heads) + " |",
        *(_row(row) for row in table.rows),
        *(line for note in table.notes for line in ("", escaped(note))),
    ]
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"
