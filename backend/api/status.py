"""What the service does and how it fares: GET /api/status for people, GET /api/health for machines."""

import sqlite3

from fastapi import APIRouter

from backend.api.deps import DatabaseDep, SettingsDep
from backend.api.problems import RESPONSES
from backend.api.wire import HealthWire, StatusWire, WorkerWire, iso
from backend.store import clock, events, launches, migrate, runs, workers
from backend.version import VERSION

router = APIRouter(prefix="/api", tags=["status"])

# https://sqlite.org/wal.html, "WAL-reset bug": a checkpoint that meets a commit can lose it.
SAFE_SQLITE = ((3, 51, 3), (3, 50, 7), (3, 44, 6))


@router.get("/status", responses=RESPONSES)
def status(database: DatabaseDep, settings: SettingsDep) -> StatusWire:
    """Return counts of runs and the workers, each idle, busy, draining or lost."""
    with database.read() as session:
        now = clock.read_now(session)
        busy = {run.owner: run.id for run in runs.owned(session)}
        shown = []
        for worker in workers.everyone(session):
            lost = now - worker.last_seen > settings.worker_lost_seconds
            run = busy.get(worker.id)
            state = "lost" if lost else "draining" if worker.draining else "busy" if run else "idle"
            shown.append(
                WorkerWire(
                    id=worker.id,
                    host=worker.host,
                    device=worker.device,
                    device_name=worker.device_name,
                    state=state,
                    last_seen=iso(worker.last_seen),
                    run=run,
                )
            )
        return StatusWire(
            counts=launches.count_by_state(session),
            workers=shown,
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
