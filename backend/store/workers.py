"""The workers: who is there, on which device, what each does, and when it was last heard of.

A worker that falls silent is stale first: it, or its run, may still come back, and nothing was taken from it. It is lost
once it was not heard of for long and has no run, or has none any more. Both are shown, and stored nowhere.

Two wishes keep a worker from taking runs: a person's, who drains it and may take that back, and the signal that
told its process to go. Both are columns of its row; a process that starts anew has another id, and takes runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import and_, delete, exists, insert, not_, select, update
from sqlalchemy.orm import Session

from backend.contract import OWNED, Reason
from backend.errors import NotFound, WorkerStateConflict
from backend.store import clock, queue_order
from backend.store.changes import changed
from backend.store.staleness import Stale, staleness
from backend.store.tables import Attempt, Run, Worker

FORGET_AFTER_SECONDS = 24 * 3600.0

LATE_SHARE = 0.5
"""Of the time after which a worker is lost: it beats three times in that, so that two beats are missing by then."""


class WorkerState(StrEnum):
    IDLE = "idle"
    BUSY = "busy"
    DRAINING = "draining"  # a person asked that it takes no more runs, and it still has one
    DRAINED = "drained"
    LEAVING = "leaving"  # its process was told to end
    STALE = "stale"  # it is late, or what it trains is; nothing was taken from it
    LOST = "lost"


TAKE_RUNS = (WorkerState.IDLE, WorkerState.BUSY, WorkerState.STALE)
"""States of a worker that will take a further run, where it is heard of."""


@dataclass(frozen=True)
class Training:
    """A run in training. `since` is when this attempt began; `stale` is None while it is heard of."""

    run: Run
    since: float
    stale: Stale | None = None


@dataclass(frozen=True)
class TakenAway:
    """The run that a lost worker had, as it stands now."""

    run_id: int
    name: str
    state: str


@dataclass(frozen=True)
class Standing:
    """A worker as it stands now. `is_heard_of`: lately enough that it counts as being here."""

    worker: Worker
    state: WorkerState
    training: Training | None
    is_heard_of: bool = True
    had: TakenAway | None = None
    """Only of a lost one."""

    @property
    def takes_runs(self) -> bool:
        return self.is_heard_of and self.state in TAKE_RUNS


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
    forget_long_lost(session)


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


def forget(session: Session, worker_id: str, lost_seconds: float) -> None:
    """Forget a lost worker, as a person asked. One that comes back after all is here again.

    Raises:
        NotFound: there is no such worker.
        WorkerStateConflict: it is not lost.
    """
    silent = Worker.last_seen < clock.now(session) - lost_seconds
    owns = exists().where(Run.owner == Worker.id, Run.state.in_(OWNED))
    if changed(session, delete(Worker).where(Worker.id == worker_id, silent, not_(owns))) == 1:
        return
    found = [one for one in standings(session, lost_seconds) if one.worker.id == worker_id]
    if not found:
        raise NotFound("worker", worker_id)
    raise WorkerStateConflict(worker_id, "lost", found[0].state)


def forget_long_lost(session: Session) -> int:
    """Forget the workers that nobody has heard of for a day; return how many.

    One that a person drained stays until a person forgets it: it would take runs again when its machine comes back.
    """
    long_ago = clock.now(session) - FORGET_AFTER_SECONDS
    lost = (Worker.last_seen < long_ago, Worker.drain_requested.is_(False))
    return changed(session, delete(Worker).where(*lost))


def everyone(session: Session) -> Sequence[Worker]:
    """Return all known workers by host and device."""
    return session.scalars(select(Worker).order_by(Worker.host, Worker.device, Worker.id)).all()


def standings(session: Session, lost_seconds: float, lease_seconds: float | None = None) -> list[Standing]:
    """Return how each worker stands; one not heard of for longer than `lost_seconds` and without a run is lost.

    With `lease_seconds`, that of every worker, one whose run is not heard of is stale, although it is itself.
    """
    now = clock.read_now(session)
    trainings = _trainings(session, now, lost_seconds, lease_seconds)
    found = [_standing(worker, now, lost_seconds, trainings.get(worker.id)) for worker in everyone(session)]
    lost = [one.worker.id for one in found if one.state == WorkerState.LOST]
    taken = _taken_away(session, lost) if lost else {}
    return [replace(one, had=taken.get(one.worker.id)) for one in found]


def _trainings(
    session: Session, now: float, lost_seconds: float, lease_seconds: float | None
) -> dict[str | None, Training]:
    """Return what is trained now, by the id of its worker."""
    its_attempt = and_(Attempt.run_id == Run.id, Attempt.number == Run.attempt)
    query = select(Run, Attempt.started_at).join(Attempt, its_attempt).where(Run.state.in_(OWNED))
    return {
        run.owner: Training(run, since, staleness(run, now, lost_seconds, lease_seconds))
        for run, since in session.execute(query)
    }


def _taken_away(session: Session, worker_ids: Sequence[str]) -> dict[str, TakenAway]:
    """Return what was last taken from each of these workers because it was lost."""
    query = (
        select(Attempt.worker_id, Run.id, Run.name, Run.state)
        .join(Run, Run.id == Attempt.run_id)
        .where(Attempt.worker_id.in_(worker_ids), Attempt.reason == Reason.WORKER_LOST)
        .where(Run.deleted_at.is_(None))
        .order_by(Attempt.ended_at)
    )
    found = session.execute(query)
    return {worker_id: TakenAway(run_id, name, state) for worker_id, run_id, name, state in found}


def _standing(worker: Worker, now: float, lost_seconds: float, training: Training | None) -> Standing:
    is_heard_of = now - worker.last_seen <= lost_seconds
    return Standing(worker, _state(worker, now, lost_seconds, training), training, is_heard_of)


def _state(worker: Worker, now: float, lost_seconds: float, training: Training | None) -> WorkerState:
    silent_for = now - worker.last_seen
    if silent_for > lost_seconds:
        return WorkerState.LOST if training is None else WorkerState.STALE
    if worker.draining:
        return WorkerState.LEAVING
    if worker.drain_requested:
        return WorkerState.DRAINED if training is None else WorkerState.DRAINING
    if silent_for > LATE_SHARE * lost_seconds or (training and training.stale):
        return WorkerState.STALE
    return WorkerState.IDLE if training is None else WorkerState.BUSY
