"""The workers: who is there, what each trains, and to let one take no more runs."""

from typing import Any

from fastapi import APIRouter, BackgroundTasks
from pydantic import ConfigDict

from backend.api.deps import BellDep, DatabaseDep, SettingsDep
from backend.api.problems import RESPONSES
from backend.api.queue import ring_for_what_waits
from backend.api.wire import StaleWire, Wire, iso, stale_wire
from backend.contract import MAX_LOSSES, RunState
from backend.launching import checked_text
from backend.settings import Settings
from backend.store import workers
from backend.store.session import Database
from backend.store.workers import Standing, Training, WorkerState

LONGEST_WORKER_ID = 255

router = APIRouter(prefix="/api/workers", tags=["workers"], responses=RESPONSES)


class Drain(Wire):
    model_config = ConfigDict(extra="forbid", strict=True)
    worker: str
    drain: bool


class Forget(Wire):
    model_config = ConfigDict(extra="forbid", strict=True)
    worker: str


class TrainingWire(Wire):
    """What a worker trains now. `last_epoch` is the last one that is done, null before the first; `stale` is null while it is heard of."""

    run: int
    name: str
    seed: int
    state: RunState
    progress: dict[str, Any] | None
    epochs: int
    last_epoch: int | None
    losses: int
    max_losses: int
    stale: StaleWire | None


class HadWire(Wire):
    """The run that was taken from a lost worker, as it stands now."""

    run: int
    name: str
    state: RunState


class WorkerDetailWire(Wire):
    """A worker. `drain_requested` is a person's wish; `state` tells what has become of it.

    `devices` counts those that it holds: it takes no run that needs more.
    """

    id: str
    name: str
    host: str
    device: str
    device_name: str
    devices: int
    version: str
    state: WorkerState
    drain_requested: bool
    last_seen: str
    training: TrainingWire | None
    had: HadWire | None


class WorkersWire(Wire):
    workers: list[WorkerDetailWire]


@router.get("")
def get_workers(database: DatabaseDep, settings: SettingsDep) -> WorkersWire:
    """Return every worker that was heard of in the last day."""
    return _workers(database, settings)


@router.post("/drain")
def drain_worker(
    wanted: Drain, database: DatabaseDep, settings: SettingsDep, bell: BellDep, background: BackgroundTasks
) -> WorkersWire:
    """Let a worker take no more runs, or take them again. The run that it has goes on to its end."""
    worker_id = checked_text(wanted.worker, "worker", LONGEST_WORKER_ID)
    with database.write() as session:
        workers.set_drain(session, worker_id, wanted=wanted.drain)
    if not wanted.drain:
        background.add_task(ring_for_what_waits, database, bell)
    return _workers(database, settings)


@router.post("/forget")
def forget_worker(wanted: Forget, database: DatabaseDep, settings: SettingsDep) -> WorkersWire:
    """Forget a lost worker. One that comes back is here again."""
    worker_id = checked_text(wanted.worker, "worker", LONGEST_WORKER_ID)
    with database.write() as session:
        workers.forget(session, worker_id, settings.worker_lost_seconds)
    return _workers(database, settings)


def _workers(database: Database, settings: Settings) -> WorkersWire:
    with database.read() as session:
        standings = workers.standings(session, settings.worker_lost_seconds, settings.lease_seconds)
        return WorkersWire(workers=[_worker_wire(one) for one in standings])


def _worker_wire(one: Standing) -> WorkerDetailWire:
    worker = one.worker
    return WorkerDetailWire(
        id=worker.id,
        name=worker.id.partition("@")[0],
        host=worker.host,
        device=worker.device,
        device_name=worker.device_name,
        devices=worker.devices,
        version=worker.version,
        state=one.state,
        drain_requested=worker.drain_requested,
        last_seen=iso(worker.last_seen),
        training=one.training and _training_wire(one.training),
        had=one.had and HadWire(run=one.had.run_id, name=one.had.name, state=RunState(one.had.state)),
    )


def _training_wire(training: Training) -> TrainingWire:
    run = training.run
    return TrainingWire(
        run=run.id,
        name=run.name,
        seed=run.seed,
        state=RunState(run.state),
        progress=run.progress,
        epochs=run.epochs,
        last_epoch=run.summary["epoch"] if run.summary else None,
        losses=run.losses,
        max_losses=MAX_LOSSES,
        stale=training.stale and stale_wire(training.stale),
    )
