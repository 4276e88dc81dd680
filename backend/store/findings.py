"""What was found of each run, kept beside it so that lists show it and ask for it at once; and who is to be examined.

Nothing here knows a rule: names and severities are those of `backend.analysis.findings`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, delete, exists, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import ColumnElement

from backend.contract import EventKind
from backend.store import events
from backend.store.tables import Event, Examination, FindingRow, Run

_UPSERTS = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


@dataclass(frozen=True)
class Found:
    """That a rule holds of a run from an epoch on. `severity` is sick or note."""

    rule: str
    severity: str
    epoch: int


@dataclass(frozen=True)
class Moved:
    """An event, as far as it says which run is to be examined."""

    id: int
    run_id: int
    kind: str


def read(session: Session, run_ids: Collection[int]) -> dict[int, list[Found]]:
    """Return what was found of each of these runs, by its id; without those of which nothing was."""
    query = (
        select(FindingRow.run_id, FindingRow.rule, FindingRow.severity, FindingRow.epoch)
        .where(FindingRow.run_id.in_(run_ids))
        .order_by(FindingRow.run_id, FindingRow.rule)
    )
    found: dict[int, list[Found]] = {}
    for run_id, rule, severity, epoch in session.execute(query):
        found.setdefault(run_id, []).append(Found(rule, severity, epoch))
    return found


def replace(
    session: Session, run_id: int, found: Sequence[Found], *, event_id: int, rules: str
) -> bool | None:
    """Put what was found of a run in the place of what was known; return whether that changed anything.

    `event_id` was the newest event when its numbers were read, `rules` says by which rules. None where they no longer
    count: the run was deleted, it was rewound since, or somebody has looked at newer ones. Who rewinds it after this
    look waits for the row of the run, and comes later.
    """
    there = select(Run.id).where(Run.id == run_id, Run.deleted_at.is_(None)).with_for_update(read=True)
    if session.execute(there).scalar_one_or_none() is None or _is_rewound(session, run_id, event_id):
        return None
    if not _examined(session, run_id, event_id, rules):
        return None
    before = read(session, [run_id]).get(run_id, [])
    if sorted(before, key=lambda one: one.rule) == sorted(found, key=lambda one: one.rule):
        return False
    session.execute(delete(FindingRow).where(FindingRow.run_id == run_id))
    if found:
        rows = [{"run_id": run_id, **vars(one)} for one in found]
        session.execute(insert(FindingRow), rows)
    return True


def forget(session: Session, run_id: int) -> None:
    """Take back what was found of a run, as its numbers are set aside; pages that show it are told."""
    gone = session.execute(
        delete(FindingRow).where(FindingRow.run_id == run_id).returning(FindingRow.rule)
    ).all()
    session.execute(delete(Examination).where(Examination.run_id == run_id))
    if gone:
        events.record(session, run_id, EventKind.FINDINGS, {"findings": []})


def behind(session: Session, rules: str) -> list[int]:
    """Return the runs of which something happened since they were examined, or were not by these rules, the newest first.

    Runs that nobody has begun have nothing to be read.
    """
    news = exists().where(
        Event.run_id == Run.id, Event.id > Examination.event_id, Event.kind != EventKind.FINDINGS
    )
    query = (
        select(Run.id)
        .outerjoin(Examination, Examination.run_id == Run.id)
        .where(Run.deleted_at.is_(None), Run.attempt > 0)
        .where(or_(Examination.run_id.is_(None), Examination.rules != rules, news))
        .order_by(Run.id.desc())
    )
    return list(session.scalars(query))


def moved_after(session: Session, cursor: int, *, limit: int) -> list[Moved]:
    """Return the events past `cursor`, the oldest first, without what they say."""
    query = select(Event.id, Event.run_id, Event.kind).where(Event.id > cursor).order_by(Event.id)
    return [Moved(*row) for row in session.execute(query.limit(limit))]


def is_of(*, rule: str | None = None, severity: str | None = None) -> ColumnElement[bool]:
    """Whether something was found of a run: anything, or by this rule, or of this severity."""
    query: Select[int] = select(FindingRow.run_id)
    if rule is not None:
        query = query.where(FindingRow.rule == rule)
    if severity is not None:
        query = query.where(FindingRow.severity == severity)
    return Run.id.in_(query)


def _is_rewound(session: Session, run_id: int, event_id: int) -> bool:
    since = exists().where(Event.run_id == run_id, Event.id > event_id, Event.kind == EventKind.REWIND)
    return bool(session.execute(select(since)).scalar_one())


def _examined(session: Session, run_id: int, event_id: int, rules: str) -> bool:
    """Note up to where a run was examined; False where somebody has gone further."""
    upsert = _UPSERTS[session.get_bind().dialect.name](Examination)
    told = {"event_id": event_id, "rules": rules}
    noted = session.execute(
        upsert.values(run_id=run_id, **told)
        .on_conflict_do_update(
            index_elements=[Examination.run_id], set_=told, where=Examination.event_id <= event_id
        )
        .returning(Examination.run_id)
    )
    return noted.scalar_one_or_none() is not None
