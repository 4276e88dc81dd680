"""Runs as lists show them, with what is read beside each: its curve, and its place in the queue."""

from sqlalchemy.orm import Session

from backend.api.wire import RunWire, run_fields
from backend.contract import RunState
from backend.store import clock, points, runs
from backend.store.runs import RunRow


def run_wires(session: Session, rows: list[RunRow]) -> list[RunWire]:
    curves = points.spark_lines(session, [row.run.id for row in rows])
    ahead = runs.ahead_in_queue(session, [row.run.id for row in rows if row.run.state == RunState.QUEUED])
    now = clock.read_now(session)
    return [
        RunWire(
            **run_fields(
                row,
                curve=curves.get(row.run.id, []),
                ahead=ahead.get(row.run.id),
                now=now,
            )
        )
        for row in rows
    ]
