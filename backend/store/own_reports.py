"""Reports that people made of their own choice of runs. An edit says which version it was made of, and a stale one fails."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from backend.store import clock
from backend.store.changes import changed
from backend.store.tables import OwnReport

MOST = 1_000


def create(session: Session, *, title: str, notes: str, content: dict[str, Any]) -> int:
    """Store a report in its first version; return its id."""
    now = clock.read_now(session)
    row = {"title": title, "notes": notes, "content": content, "version": 1}
    made = insert(OwnReport).values(**row, created_at=now, changed_at=now).returning(OwnReport.id)
    return session.execute(made).scalar_one()


def edit(
    session: Session, report_id: int, version: int, *, title: str, notes: str, content: dict[str, Any]
) -> bool:
    """Store the next version of a report; return False where it is not at `version` any more, or gone."""
    statement = (
        update(OwnReport)
        .where(OwnReport.id == report_id, OwnReport.version == version)
        .values(
            title=title,
            notes=notes,
            content=content,
            version=version + 1,
            changed_at=clock.read_now(session),
        )
    )
    return changed(session, statement) == 1


def remove(session: Session, report_id: int, version: int) -> bool:
    """Delete a report; return False where it is not at `version` any more, or gone."""
    return (
        changed(session, delete(OwnReport).where(OwnReport.id == report_id, OwnReport.version == version))
        == 1
    )


def read(session: Session, report_id: int) -> OwnReport | None:
    """Return a report; None where there is none."""
    return session.get(OwnReport, report_id)


def count(session: Session) -> int:
    """Return how many there are."""
    return session.execute(select(func.count()).select_from(OwnReport)).scalar_one()


def everything(session: Session) -> Sequence[OwnReport]:
    """Return all reports, the one that was changed last first."""
    return session.scalars(select(OwnReport).order_by(OwnReport.changed_at.desc(), OwnReport.id.desc())).all()
