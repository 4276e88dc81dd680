"""The events that browsers follow, and the cursor that makes sure they miss none.

An autoincrement id is no safe cursor on Postgres by itself: a transaction that took id 7 may commit after
the one that took id 8, and a reader at 8 never sees 7. So events are appended at the very end of a
transaction, under one lock held until its commit: ids rise in the order of commits. As the lock is always
taken last, after every row lock, it can deadlock with nothing.
"""

from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Insert, Table, func, insert, select, text
from sqlalchemy.orm import Session

from backend.contract import EventKind
from backend.store import clock
from backend.store.tables import Event, Store

APPEND_LOCK = 0x52756E79  # any constant of our own: "Runy"


def _inserting(now: ColumnElement[float]) -> Insert:
    return insert(cast("Table", Event.__table__)).values(at=now)


# Made once, as every epoch of every run executes them.
_INSERT = _inserting(clock.DatabaseNow())
_LOCK = text("SELECT pg_advisory_xact_lock(:key)").bindparams(key=APPEND_LOCK)


@dataclass(frozen=True)
class StoredEvent:
    id: int
    run_id: int
    kind: str
    payload: dict[str, Any]
    at: float


def record(session: Session, run_id: int, kind: EventKind, payload: dict[str, Any]) -> None:
    """Put an event into this transaction; it is written when the transaction commits."""
    session.info.setdefault("pending_events", []).append((run_id, str(kind), payload))


def record_state(
    session: Session,
    run_id: int,
    state: str,
    reason: str | None = None,
    detail: str | None = None,
    attempt: int = 0,
) -> None:
    """Put the event of a run's new state into this transaction."""
    payload = {"state": str(state), "reason": reason, "detail": detail, "attempt": attempt}
    record(session, run_id, EventKind.STATE, payload)


def append_pending(session: Session) -> None:
    """Write the pending events as the last statements before the commit (a hook of `Database`)."""
    if session.in_nested_transaction():
        return  # the end of a savepoint is not the end of the transaction
    pending = session.info.pop("pending_events", [])
    if not pending:
        return
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_LOCK)
    statement = _INSERT if clock.is_real(session) else _inserting(clock.now(session))
    rows = [{"run_id": run_id, "kind": kind, "payload": payload} for run_id, kind, payload in pending]
    session.execute(statement, rows)


def after(session: Session, cursor: int, *, limit: int = 500, run_id: int | None = None) -> list[StoredEvent]:
    """Return the events past `cursor`, oldest first."""
    query = select(Event).where(Event.id > cursor).order_by(Event.id).limit(limit)
    if run_id is not None:
        query = query.where(Event.run_id == run_id)
    return [StoredEvent(e.id, e.run_id, e.kind, e.payload, e.at) for e in session.scalars(query)]


def last_id(session: Session) -> int:
    """Return the id of the newest event, 0 where there is none. Read it before the data it stands beside."""
    return session.execute(select(func.coalesce(func.max(Event.id), 0))).scalar_one()


def store_id(session: Session) -> str:
    """Return the identity of this database."""
    return session.execute(select(Store.id)).scalar_one()
