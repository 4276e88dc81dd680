"""The published tables that people brought: stored whole, listed, removed."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.store import clock
from backend.store.changes import changed
from backend.store.tables import ReferenceRow

MOST = 100
"""References that one store holds: a page offers all of them at once."""


def create(
    session: Session, *, name: str, title: str, tolerance_points: float, tables: dict[str, Any]
) -> bool:
    """Store a reference; return False where the name is taken."""
    row = {"name": name, "title": title, "tolerance_points": tolerance_points, "tables": tables}
    try:
        with session.begin_nested():
            session.execute(insert(ReferenceRow).values(**row, at=clock.read_now(session)))
    except IntegrityError:  # two who choose one name at once: one of them is told
        return False
    return True


def count(session: Session) -> int:
    """Return how many there are."""
    return session.execute(select(func.count()).select_from(ReferenceRow)).scalar_one()


def everything(session: Session) -> Sequence[ReferenceRow]:
    """Return all references, by name."""
    return session.scalars(select(ReferenceRow).order_by(ReferenceRow.name)).all()


def titles(session: Session) -> list[tuple[str, str]]:
    """Return name and title of all references, by name: without their tables, which take long to read."""
    query = select(ReferenceRow.name, ReferenceRow.title).order_by(ReferenceRow.name)
    return [(name, title) for name, title in session.execute(query)]


def read(session: Session, names: Collection[str]) -> dict[str, ReferenceRow]:
    """Return those of these names that there are."""
    found = session.scalars(select(ReferenceRow).where(ReferenceRow.name.in_(names)))
    return {row.name: row for row in found}


def remove(session: Session, name: str) -> bool:
    """Forget a reference; return False where there is none of this name."""
    return changed(session, delete(ReferenceRow).where(ReferenceRow.name == name)) == 1
