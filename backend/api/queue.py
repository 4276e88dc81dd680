"""The queue: its order with why each run waits, and what a person changes about it."""

from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Query
from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from backend.api.deps import LARGEST_INTEGER, BellDep, DatabaseDep, RunId, SettingsDep
from backend.api.problems import RESPONSES
from backend.api.queue_facts import read_facts
from backend.api.run_wires import run_wires
from backend.api.wire import RunWire, Wire, cursor, maybe_iso
from backend.contract import RunState
from backend.forecast import Forecast, forecast
from backend.queue import Bell
from backend.settings import Settings
from backend.store import clock, events, queue_order, runs, workers
from backend.store.queue_order import HIGHEST_PRIORITY, LOWEST_PRIORITY, Entry
from backend.store.session import Database

RunNumber = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
Limit = Annotated[int, Query(ge=1, le=500)]
Offset = Annotated[int, Query(ge=0, le=LARGEST_INTEGER)]

router = APIRouter(prefix="/api", tags=["queue"], responses=RESPONSES)


class Move(Wire):
    """Put `run` directly before another; null puts it at the end of the queue."""

    model_config = ConfigDict(extra="forbid", strict=True)
    run: RunNumber
    before: RunNumber | None


class Priority(Wire):
    model_config = ConfigDict(extra="forbid", strict=True)
    priority: int = Field(ge=LOWEST_PRIORITY, le=HIGHEST_PRIORITY)


class QueueEntryWire(Wire):
    """A run in the queue. `position` counts from 1; `spec` has what names a recipe in one line."""

    run: int
    name: str
    recipe: str
    spec: dict[str, Any]
    seed: int
    state: RunState
    priority: int
    position: int
    why: str
    starts_in_seconds: float | None
    """An estimate, as all of them: rough until its worker has measured its device. Null where it cannot be known."""


class QueueWire(Wire):
    """`runs` is a part of the queue in its order, `total` the length of the whole."""

    cursor: str
    paused_at: str | None
    total: int
    runs: list[QueueEntryWire]


@router.get("/queue")
def get_queue(
    database: DatabaseDep, settings: SettingsDep, limit: Limit = 500, offset: Offset = 0
) -> QueueWire:
    """Return the runs that wait, in the order in which they will be claimed."""
    return _queue(database, settings, limit, offset)


@router.post("/queue/pause")
def pause_queue(
    database: DatabaseDep, settings: SettingsDep, limit: Limit = 500, offset: Offset = 0
) -> QueueWire:
    """Let no run start until the queue is resumed. What is in training goes on."""
    with database.write() as session:
        queue_order.pause(session)
    return _queue(database, settings, limit, offset)


@router.post("/queue/resume")
def resume_queue(
    database: DatabaseDep,
    settings: SettingsDep,
    bell: BellDep,
    background: BackgroundTasks,
    limit: Limit = 500,
    offset: Offset = 0,
) -> QueueWire:
    """Let runs start again."""
    with database.write() as session:
        queue_order.resume(session)
    background.add_task(ring_for_what_waits, database, bell)
    return _queue(database, settings, limit, offset)


@router.post("/queue/move")
def move_in_queue(
    move: Move, database: DatabaseDep, settings: SettingsDep, limit: Limit = 500, offset: Offset = 0
) -> QueueWire:
    """Put a run that waits directly before another one, or at the end."""
    with database.write() as session:
        queue_order.move(session, move.run, move.before)
    return _queue(database, settings, limit, offset)


@router.post("/runs/{run_id}/priority")
def set_priority(run_id: RunId, wanted: Priority, database: DatabaseDep) -> RunWire:
    """Give a run that waits another priority: the highest is trained first."""
    with database.write() as session:
        queue_order.set_priority(session, run_id, wanted.priority)
    with database.read() as session:
        return run_wires(session, [runs.get(session, run_id)])[0]


def ring_for_what_waits(database: Database, bell: Bell) -> None:
    """Wake workers, one for each run that could be claimed now."""
    with database.read() as session:
        claimable = runs.claimable(session, clock.read_now(session))
    if claimable:
        bell.ring(claimable)


def _queue(database: Database, settings: Settings, limit: int, offset: int) -> QueueWire:
    with database.read() as session:
        place = cursor(events.store_id(session), events.last_id(session))  # before the data
        queue = queue_order.entries(session)
        told = forecast(read_facts(session, queue, _standings(session, settings)))
        return QueueWire(
            cursor=place,
            paused_at=maybe_iso(queue_order.paused_at(session)),
            total=len(queue),
            runs=[
                _entry_wire(queue[index], told[index], index + 1)
                for index in range(offset, min(offset + limit, len(queue)))
            ],
        )


def _standings(session: Session, settings: Settings) -> list[workers.Standing]:
    return workers.standings(session, settings.worker_lost_seconds)


def _entry_wire(entry: Entry, told: Forecast, position: int) -> QueueEntryWire:
    return QueueEntryWire(
        run=entry.run_id,
        name=entry.name,
        recipe=entry.recipe_hash[:12],
        spec=_line(entry.spec),
        seed=entry.seed,
        state=RunState(entry.state),
        priority=entry.priority,
        position=position,
        why=told.why,
        starts_in_seconds=told.starts_in,
    )


def _line(spec: dict[str, Any]) -> dict[str, Any]:
    """Return what of a spec names its recipe: the whole ones of a long queue would be a megabyte."""
    features = spec.get("features")
    return {
        "model": {"arch": spec["model"]["arch"]},
        "features": {"arch": features["arch"], "node": features["node"]} if features else None,
        "optimizer": {"name": spec["optimizer"]["name"], "lr": spec["optimizer"]["lr"]},
        "schedule": spec.get("schedule") and {"name": spec["schedule"]["name"]},
        "dataset": {"name": spec["dataset"]["name"], "image_size": spec["dataset"].get("image_size")},
        "epochs": spec["epochs"],
    }
