"""What the service does and how it fares: GET /api/status for people, GET /api/health for machines."""

import sqlite3

from fastapi import APIRouter

from backend.api.deps import DatabaseDep, SettingsDep
from backend.api.problems import RESPONSES
from backend.api.wire import HealthWire, StatusWire, WorkerWire, iso, maybe_iso
from backend.store import events, launches, migrate, queue_order, workers
from backend.version import VERSION

router = APIRouter(prefix="/api", tags=["status"])

# https://sqlite.org/wal.html, "WAL-reset bug": a checkpoint that meets a commit can lose it.
SAFE_SQLITE = ((3, 51, 3), (3, 50, 7), (3, 44, 6))


@router.get("/status", responses=RESPONSES)
def status(database: DatabaseDep, settings: SettingsDep) -> StatusWire:
    """Return counts of runs, since when the queue is paused, and how each worker stands."""
    with database.read() as session:
        return StatusWire(
            counts=launches.count_by_state(session),
            paused_at=maybe_iso(queue_order.paused_at(session)),
            workers=[_worker_wire(one) for one in workers.standings(session, settings.worker_lost_seconds)],
            version=VERSION,
            store_id=events.store_id(session),
        )


@router.get("/health", responses=RESPONSES)
def health(database: DatabaseDep) -> HealthWire:
    """Answer 200 while the service and its database work."""
    revision = migrate.current_revision(database)
    on_sqlite = database.is_sqlite
    return HealthWire(
        status="ok",
        database="sqlite" if on_sqlite else "postgresql",
        revision=revision,
        sqlite_version=sqlite3.sqlite_version if on_sqlite else None,
        warnings=[*sqlite_warnings(sqlite3.sqlite_version_info)] if on_sqlite else [],
    )


def _worker_wire(one: workers.Standing) -> WorkerWire:
    worker = one.worker
    return WorkerWire(
        id=worker.id,
        host=worker.host,
        device=worker.device,
        device_name=worker.device_name,
        state=one.state,
        last_seen=iso(worker.last_seen),
        run=one.training and one.training.run.id,
    )


def sqlite_warnings(version: tuple[int, ...]) -> list[str]:
    """Return what is to be said of a version of SQLite."""
    fixed = version >= SAFE_SQLITE[0] or any(
        version[:2] == safe[:2] and version >= safe for safe in SAFE_SQLITE[1:]
    )
    if fixed:
        return []
    shown = ".".join(str(part) for part in version)
    return [
        f"SQLite {shown} has a rare fault in its write-ahead log that can damage the database; "
        "3.51.3, 3.50.7 and 3.44.6 mend it. Back up, or use Postgres."
    ]
