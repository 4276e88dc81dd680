"""The runs: lists, one, its points, its log, its figures; to cancel, retry, resume and delete them."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query
from pydantic import StringConstraints
from sqlalchemy.orm import Session

from backend.api.compare_curves import MOST_WHOLE
from backend.api.deps import LARGEST_INTEGER, BellDep, DatabaseDep, RunId, SettingsDep
from backend.api.problems import RESPONSES
from backend.api.run_wires import run_wires
from backend.api.search import FindingName, SearchText, found_of, words_of
from backend.api.wire import (
    DeletedWire,
    FiguresWire,
    LogLineWire,
    LogWire,
    PointsWire,
    RunDetailWire,
    RunPageWire,
    RunWire,
    attempt_wire,
    cursor,
    iso,
    relative_wire,
    series_wire,
    sibling_wire,
    stale_wire,
)
from backend.contract import RunState
from backend.errors import NotFound, RunStateConflict
from backend.figures.curves import run_figures
from backend.store import attempts, clock, events, families, launches, logs, points, revive, runs
from backend.store.session import Database
from backend.store.staleness import staleness

MetricName = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9_./ -]+$")]
LARGEST_LINE = 2**31 - 1

router = APIRouter(prefix="/api/runs", tags=["runs"], responses=RESPONSES)


@router.get("")
def list_runs(
    database: DatabaseDep,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_INTEGER)] = None,
    state: RunState | None = None,
    q: SearchText = "",
    finding: FindingName = None,
) -> RunPageWire:
    """Return runs, the newest first; with `q` those in which each word occurs.

    With `finding` those of which this was found: by a rule, anything `sick`, any `note`, or `any` at all.
    """
    words, was_found = words_of(q), found_of(finding)
    with database.read() as session:
        place = _cursor(session)  # read before the data: what happens in between is told again, not lost
        found = runs.page(session, limit=limit + 1, before=before, state=state, words=words, found=was_found)
        shown = found[:limit]
        return RunPageWire(
            runs=run_wires(session, shown),
            next=shown[-1].run.id if len(found) > limit else None,
            counts=launches.count_by_state(session),
            cursor=place,
        )


@router.get("/{run_id}")
def get_run(run_id: RunId, database: DatabaseDep, settings: SettingsDep) -> RunDetailWire:
    with database.read() as session:
        place = _cursor(session)
        row = runs.get(session, run_id)
        set_aside = runs.attempts_with_points(session, run_id)
        now = clock.read_now(session)
        stale = staleness(row.run, now, settings.worker_lost_seconds, settings.lease_seconds)
        return RunDetailWire(
            **run_wires(session, [row])[0].model_dump(),
            stale=stale and stale_wire(stale),
            attempts=[
                attempt_wire(attempt, has_points=attempt.number in set_aside)
                for attempt in runs.attempts(session, run_id)
            ],
            children=[relative_wire(child) for child in families.children(session, run_id)],
            siblings=[sibling_wire(one) for one in families.siblings(session, run_id, MOST_WHOLE - 1)],
            cursor=place,
        )


@router.post("/{run_id}/cancel")
def cancel_run(run_id: RunId, database: DatabaseDep) -> RunWire:
    """Cancel a run: at once if it waits, else as soon as its process has ended."""
    with database.write() as session:
        row = runs.get(session, run_id)
        if not attempts.cancel(session, run_id):
            raise RunStateConflict(run_id, "waiting, queued or running", row.run.state)
    return _one(database, run_id)


@router.post("/{run_id}/retry")
def retry_run(run_id: RunId, database: DatabaseDep, bell: BellDep, background: BackgroundTasks) -> RunWire:
    """Train a failed or cancelled run again, from the start; its curves so far stay with their attempt."""
    with database.write() as session:
        revive.retry(session, run_id)
    background.add_task(bell.ring)
    return _one(database, run_id)


@router.post("/{run_id}/resume")
def resume_run(run_id: RunId, database: DatabaseDep, bell: BellDep, background: BackgroundTasks) -> RunWire:
    """Let a failed or cancelled run go on from its checkpoint."""
    with database.write() as session:
        revive.resume(session, run_id)
    background.add_task(bell.ring)
    return _one(database, run_id)


@router.delete("/{run_id}")
def delete_run(run_id: RunId, database: DatabaseDep) -> DeletedWire:
    """Delete a run that is over, for good; refused while others wait for it or train on it."""
    with database.write() as session:
        revive.purge(session, run_id)
    return DeletedWire(deleted=run_id)


@router.get("/{run_id}/points")
def get_points(
    run_id: RunId,
    database: DatabaseDep,
    name: Annotated[list[MetricName] | None, Query(max_length=100)] = None,
    attempt: Annotated[int | None, Query(ge=1, le=LARGEST_LINE)] = None,
) -> PointsWire:
    """Return the curves of a run; with `name` (may be repeated) only those.

    With `attempt` those that a retry from the start set aside in that attempt.
    """
    with database.read() as session:
        place = _cursor(session)
        runs.get(session, run_id)
        if attempt is None:
            found = points.read(session, run_id, name)
        else:
            found = _set_aside(session, run_id, attempt, name)
    return PointsWire(
        run=run_id, cursor=place, series={name: series_wire(series) for name, series in found.items()}
    )


@router.get("/{run_id}/log")
def get_log(
    run_id: RunId,
    database: DatabaseDep,
    after: Annotated[int, Query(ge=0, le=LARGEST_LINE)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 500,
) -> LogWire:
    """Return log lines past `after`."""
    with database.read() as session:
        runs.get(session, run_id)
        lines = logs.read(session, run_id, after, limit + 1)
    return LogWire(
        lines=[LogLineWire(line=x.line, at=iso(x.at), text=x.text) for x in lines[:limit]],
        more=len(lines) > limit,
    )


@router.get("/{run_id}/figures")
def get_figures(run_id: RunId, database: DatabaseDep) -> FiguresWire:
    """Return the live curves as Plotly figures."""
    with database.read() as session:
        place = _cursor(session)
        spec = runs.get(session, run_id).run.spec
        # One of an older version has no such field.
        validated = spec["dataset"].get("validation", 0) > 0
        figures = run_figures(points.read(session, run_id), validated=validated)
        return FiguresWire(cursor=place, figures=figures)


def _one(database: Database, run_id: int) -> RunWire:
    with database.read() as session:
        return run_wires(session, [runs.get(session, run_id)])[0]


def _set_aside(
    session: Session, run_id: int, attempt: int, names: list[str] | None
) -> dict[str, points.Series]:
    found = points.read_set_aside(session, run_id, attempt)
    if found is None:
        raise NotFound("curve set aside in attempt", attempt)
    return {name: series for name, series in found.items() if not names or name in names}


def _cursor(session: Session) -> str:
    return cursor(events.store_id(session), events.last_id(session))
