"""The workers: who is there, on which device, and when each was last heard of."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from backend.store import clock
from backend.store.changes import changed
from backend.store.tables import Worker

FORGET_AFTER_SECONDS = 24 * 3600.0


def register(
    session: Session, worker_id: str, *, host: str, device: str, device_name: str, version: str
) -> None:
    """Add a worker, and forget those that nobody has heard of for a day."""
    session.execute(delete(Worker).where(Worker.id == worker_id))
    session.execute(delete(Worker).where(Worker.last_seen < clock.now(session) - FORGET_AFTER_SECONDS))
    session.execute(
        insert(Worker).values(
            id=worker_id,
            host=host,
            device=device,
            device_name=device_name,
            version=version,
            last_seen=clock.now(session),
            draining=False,
        )
    )


def beat(session: Session, worker_id: str, *, draining: bool) -> bool:
    """Say that a worker is alive; return False if it is not registered."""
    seen = changed(
        session,
        update(Worker).where(Worker.id == worker_id).values(last_seen=clock.now(session), draining=draining),
    )
    return seen == 1


def leave(session: Session, worker_id: str) -> None:
    """Remove a worker that ended in good order."""
    session.execute(delete(Worker).where(Worker.id == worker_id))


def everyone(session: Session) -> Sequence[Worker]:
    """Return all known workers by host and device."""
    return session.scalars(select(Worker).order_by(Worker.host, Worker.device, Worker.id)).all()


def devices(session: Session, seen_within_seconds: float) -> set[str]:
    """Return the devices of the workers that were heard of lately: "cpu", or the ids of GPUs."""
    since = clock.read_now(session) - seen_within_seconds
    return set(session.scalars(select(Worker.device).where(Worker.last_seen >= since)))
