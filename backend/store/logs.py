"""The log of a run: numbered lines, kept over all its attempts."""

from dataclasses import dataclass

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from backend.store import clock
from backend.store.tables import LogLine
from backend.text import storable

LONGEST_LINE = 8_000


@dataclass(frozen=True)
class Line:
    line: int
    at: float
    text: str


def append(session: Session, run_id: int, texts: list[str]) -> None:
    """Add lines. The caller has updated the run's row in this transaction, so that numbers cannot collide."""
    if not texts:
        return
    at = clock.read_now(session)
    last = last_line(session, run_id)
    rows = [
        {"run_id": run_id, "line": last + i, "at": at, "text": storable(text[:LONGEST_LINE])}
        for i, text in enumerate(texts, 1)
    ]
    session.execute(insert(LogLine), rows)


def last_line(session: Session, run_id: int) -> int:
    """Return the number of the newest line, 0 where there is none."""
    return session.execute(
        select(func.coalesce(func.max(LogLine.line), 0)).where(LogLine.run_id == run_id)
    ).scalar_one()


def read(session: Session, run_id: int, after: int = 0, limit: int = 500) -> list[Line]:
    """Return the lines past `after`, in order."""
    query = (
        select(LogLine)
        .where(LogLine.run_id == run_id, LogLine.line > after)
        .order_by(LogLine.line)
        .limit(limit)
    )
    return [Line(row.line, row.at, row.text) for row in session.scalars(query)]
