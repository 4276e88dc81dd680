"""The workers: who is there, on which device, what each does, and when it was last heard of.

Two wishes keep a worker from taking runs: a person's, who drains it and may take that back, and the signal that
told its process to go. Both are columns of its row; a process that starts anew has another id, and takes runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import and_, delete, insert, select, update
from sqlalchemy.orm import Session

from backend.contract import OWNED
from backend.errors import NotFound
from backend.store import clock, queue_order
from backend.store.changes import changed
from backend.store.tables import Attempt, Run, Worker

FORGET_AFTER_SECONDS = 24 * 3600.0


class WorkerState(StrEnum):
    IDLE = "idle"
    BUSY = "busy"
    DRAINING = "draining"  # a person asked that it takes no more runs, and it still has one
    DRAINED = "drained"
    LEAVING = "leaving"  # its process was told to end
    LOST = "lost"


TAKE_RUNS = (WorkerState.IDLE, WorkerState.BUSY)
"""States of a worker that will take a further run."""


@dataclass(frozen=True)
class Training:
    """A run in training. `since` is when this attempt began."""

    run: Run
    since: float


@dataclass(frozen=True)
class Standing:
    """A worker as it stands now."""

    worker: Worker
    state: WorkerState
    training: Training | None

    @property
    def takes_runs(self) -> bool:
        return self.state in TAKE_RUNS


def register(
    session: Session,
    worker_id: str,
    *,
    host: str,
    device: str,
    device_name: str,
    version: str,
    devices: int = 1,
    device_key: str | None = None,
    memory_bytes: int | None = None,
) -> None:
    """Add a worker, and forget those that nobody has heard of for a day. One that is known stays drained.

    `devices` counts those that it holds: it may claim runs that need as many.
    """
    facts = {
        "host": host,
        "device": device,
        "device_name": device_name,
        "version": version,
        "devices": devices,
        "device_key": device_key,
        "memory_bytes": memory_bytes,
    }
    now = clock.now(session)
    known = update(Worker).where(Worker.id == worker_id)
    if changed(session, known.values(**facts, last_seen=now, draining=False)) == 0:
        session.execute(insert(Worker).values(id=worker_id, **facts, last_seen=now, draining=False))
    session.execute(delete(Worker).where(Worker.last_seen < now - FORGET_AFTER_SECONDS))


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


def set_drain(session: Session, worker_id: str, *, wanted: bool) -> None:
    """Let a worker take no more runs, or let it take them again; the one it has goes on.

    Raises:
        NotFound: there is no such worker.
    """
    queue_order.hold(session)  # a claim that is on its way comes first, and none comes after
    if changed(session, update(Worker).where(Worker.id == worker_id).values(drain_requested=wanted)) != 1:
        raise NotFound("worker", worker_id)


def everyone(session: Session) -> Sequence[Worker]:
    """Return all known workers by host and device."""
    return session.scalars(select(Worker).order_by(Worker.host, Worker.device, Worker.id)).all()


def standings(session: Session, lost_seconds: float) -> list[Standing]:
    """Return how each worker stands; one not heard of for longer than `lost_seconds` is lost."""
    now = clock.read_now(session)
    trainings = _trainings(session)
    return [
        Standing(worker, _state(worker, now, lost_seconds, training), training)
        for worker in everyone(session)
        for training in [trainings.get(worker.id)]
    ]


def _trainings(session: Session) -> dict[str | None, Training]:
    """Return what is trained now, by the id of its worker."""
    its_attempt = and_(Attempt.run_id == Run.id, Attempt.number == Run.attempt)
    query = select(Run, Attempt.started_at).join(Attempt, its_attempt).where(Run.state.in_(OWNED))
    return {run.owner: Training(run, since) for run, since in session.execute(query)}


def _state(worker: Worker, now: float, lost_seconds: float, training: Training | None) -> WorkerState:
    if now - worker.last_seen > lost_seconds:
        return WorkerState.LOST
    if worker.draining:
        return WorkerState.LEAVING
    if worker.drain_requested:
        return WorkerState.DRAINED if training is None else WorkerState.DRAINING
    return WorkerState.IDLE if training is None else WorkerState.BUSY
