"""What the service does and how it fares: GET /api/status for people; for machines GET /api/health, whether it is alive, and GET /api/ready, whether it can serve."""

import sqlite3

from fastapi import APIRouter

from backend.api.deps import DatabaseDep, SettingsDep, VitalSignsDep
from backend.api.problems import RESPONSES
from backend.api.wire import (
    HealthWire,
    ReadyWire,
    StaleRunWire,
    StatusWire,
    WorkerWire,
    iso,
    maybe_iso,
    stale_wire,
)
from backend.errors import NotAlive, NotReady
from backend.store import clock, events, launches, queue_order, workers
from backend.store.session import Database
from backend.store.sqlite_version import sqlite_warnings
from backend.store.staleness import stale_runs
from backend.version import VERSION

router = APIRouter(prefix="/api", tags=["status"])


@router.get("/status", responses=RESPONSES)
def status(database: DatabaseDep, settings: SettingsDep) -> StatusWire:
    """Return counts of runs, since when the queue is paused, and how each worker stands."""
    lost, lease = settings.worker_lost_seconds, settings.lease_seconds
    with database.read() as session:
        return StatusWire(
            counts=launches.count_by_state(session),
            paused_at=maybe_iso(queue_order.paused_at(session)),
            workers=[_worker_wire(one) for one in workers.standings(session, lost, lease)],
            stale=[
                StaleRunWire(run=run_id, **stale_wire(stale).model_dump())
                for run_id, stale in stale_runs(session, lost, lease).items()
            ],
            version=VERSION,
            store_id=events.store_id(session),
            at=iso(clock.read_now(session)),
        )


@router.get("/health", responses=RESPONSES)
async def health(database: DatabaseDep, vital_signs: VitalSignsDep) -> HealthWire:
    """Answer 200 while the service is alive: it answers, and its threads run. No database is needed for that.

    On the event loop: requests that wait for a database could hold every thread.
    """
    if ended := vital_signs.ended():
        raise NotAlive(" ".join(ended))
    on_sqlite = database.is_sqlite
    return HealthWire(
        status="ok",
        database=_kind(database),
        sqlite_version=sqlite3.sqlite_version if on_sqlite else None,
        warnings=[*sqlite_warnings(sqlite3.sqlite_version_info)] if on_sqlite else [],
    )


@router.get("/ready", responses=RESPONSES)
async def ready(database: DatabaseDep, vital_signs: VitalSignsDep) -> ReadyWire:
    """Answer 200 while the service can serve: its database is of this version and was just written, and its threads go round.

    Else 503, with a sentence for each fault.
    """
    if faults := vital_signs.faults():
        raise NotReady(" ".join(faults))
    return ReadyWire(
        status="ready",
        database=_kind(database),
        revision=vital_signs.proof.revision or "",
        written_seconds_ago=_seconds(vital_signs.proof.pulse.age()),
        reconciler_seconds_ago=_seconds(vital_signs.reconciler.pulse.age()),
        stream_seconds_ago=_seconds(vital_signs.stream.pulse.age()),
    )


def _kind(database: Database) -> str:
    return "sqlite" if database.is_sqlite else "postgresql"


def _seconds(age: float | None) -> float:
    assert age is not None, "what never happened is a fault"
    return round(age, 3)


def _worker_wire(one: workers.Standing) -> WorkerWire:
    worker = one.worker
    return WorkerWire(
        id=worker.id,
        host=worker.host,
        device=worker.device,
        device_name=worker.device_name,
        state=one.state,
        takes_runs=one.takes_runs,
        last_seen=iso(worker.last_seen),
        run=one.training and one.training.run.id,
    )
