"""Runs as lists show them, with what is read beside each: its curve, and its place in the queue."""

from sqlalchemy.orm import Session

from backend.api.wire import MarkWire, RunWire, run_fields, whole_spec
from backend.contract import RunState
from backend.examining import marks
from backend.store import clock, findings, points, runs
from backend.store.runs import RunRow


def run_wires(session: Session, rows: list[RunRow]) -> list[RunWire]:
    ids = [row.run.id for row in rows]
    curves = points.spark_lines(session, ids)
    ahead = runs.ahead_in_queue(session, [row.run.id for row in rows if row.run.state == RunState.QUEUED])
    found = findings.read(session, ids)
    now = clock.read_now(session)
    seconds = runs.seconds_in_attempts(session, ids, now)
    # A recipe's runs share all of a spec but its seed.
    specs = {row.recipe_hash: row.run.spec for row in rows}
    specs = {digest: whole_spec(spec) for digest, spec in specs.items()}
    return [
        RunWire(
            **run_fields(
                row,
                curve=curves.get(row.run.id, []),
                ahead=ahead.get(row.run.id),
                seconds=seconds.get(row.run.id),
                now=now,
                spec=specs[row.recipe_hash] | {"seed": row.run.seed},
                marks=[MarkWire(**one) for one in marks(found.get(row.run.id, []))],
            )
        )
        for row in rows
    ]
