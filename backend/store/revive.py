"""What a person does with a run that is over: try it again, let it go on, delete it for good."""

from typing import Any

from sqlalchemy import delete, null, select, update
from sqlalchemy.orm import Session

from backend.contract import FINAL, EventKind, RunState
from backend.errors import FamilyConflict, NoCheckpoint, NotFound, RunStateConflict, RunyardError
from backend.store import chunks, clock, events, families, findings, logs, points, predictions
from backend.store.changes import changed
from backend.store.tables import Attempt, Event, Examination, FindingRow, LogLine, Point, Run

PUT_BACK: dict[str, Any] = {
    "reason": None,
    "detail": None,
    "finished_at": None,
    "losses": 0,
    "cancel_requested": False,
    "not_before": 0.0,
}
"""What a run that is put back forgets. Its attempt's number is not among it: it must rise."""


def retry(session: Session, run_id: int) -> RunState:
    """Put a failed or cancelled run back, to be trained from the start; return its new state.

    Its curves are set aside in its last attempt; its series by step and by second go. The children that failed with it
    wait for it again.

    Raises:
        NotFound, RunStateConflict
        FamilyConflict: its parent has failed or was cancelled.
    """
    from_the_start = {"checkpoint": null(), "summary": null(), "parent_sha256": None, "started_at": None}
    state, attempt = _put_back(session, run_id, from_the_start)
    points.set_aside(session, run_id, attempt)
    predictions.delete_after(session, run_id, 0)
    chunks.delete_all(session, run_id)
    findings.forget(session, run_id)
    events.record(session, run_id, EventKind.REWIND, {"epoch": 0, "step": 0, "attempt": attempt})
    _tell(session, run_id, state, attempt, "Retried from the start.")
    return state


def resume(session: Session, run_id: int) -> RunState:
    """Put a failed or cancelled run back, to go on from its checkpoint; return its new state.

    The next claim rewinds it to there. The children that failed with it wait for it again.

    Raises:
        NotFound, RunStateConflict
        NoCheckpoint: it made none.
        FamilyConflict: its parent has failed or was cancelled.
    """
    state, attempt = _put_back(session, run_id, {}, needs_checkpoint=True)
    _tell(session, run_id, state, attempt, "Resumed from its checkpoint.")
    return state


def purge(session: Session, run_id: int) -> None:
    """Delete all that was recorded of a run that is over, for good. Its launch and its recipe stay.

    Its row stays as well, marked as deleted and shown nowhere: SQLite would give its number, and with it the
    folder of its checkpoints, to the next run. Children that are over forget it, but not the checkpoint that
    they began on. The files of its checkpoints lie with the workers and stay there. Its events go too: a page
    learns of it when it loads again.

    Raises:
        NotFound, RunStateConflict
        FamilyConflict: a child waits, is queued or runs.
    """
    # No child can be launched, retried or resumed between the look and the end of this transaction.
    there = select(Run.state).where(Run.id == run_id, Run.deleted_at.is_(None))
    held = session.execute(there.with_for_update()).scalar_one_or_none()
    if held is None:
        raise NotFound("run", run_id)
    busy = [child for child in families.children(session, run_id) if child.state not in FINAL]
    if busy:
        named = ", ".join(f"{child} is {child.state}" for child in busy)
        raise FamilyConflict(f"Run {run_id} is needed by others: {named}. Cancel them or wait for their end.")
    session.execute(
        update(Run).where(Run.parent_run_id == run_id, Run.state.in_(FINAL)).values(parent_run_id=None)
    )
    forgotten = {"summary": null(), "checkpoint": null(), "detail": None, "parent_run_id": None}
    gone = (
        update(Run)
        .where(Run.id == run_id, Run.state.in_(FINAL))
        .values(deleted_at=clock.now(session), **forgotten)
    )
    if changed(session, gone) != 1:
        raise RunStateConflict(run_id, "completed, failed or cancelled", held)
    predictions.purge(session, run_id)
    chunks.delete_all(session, run_id)
    for table in (Point, LogLine, Event, Attempt, FindingRow, Examination):
        session.execute(delete(table).where(table.run_id == run_id))


def _put_back(
    session: Session, run_id: int, values: dict[str, Any], *, needs_checkpoint: bool = False
) -> tuple[RunState, int]:
    """Move a run into the queue, or to where it waits for its parent; return its state and last attempt."""
    parent = families.hold_parent(session, run_id)
    ready = parent is None or parent.state == RunState.COMPLETED
    state = RunState.QUEUED if ready else RunState.WAITING
    allowed = Run.state.in_(families.UNFINISHED)
    if needs_checkpoint:
        allowed &= Run.checkpoint.is_not(None)
    attempt = session.execute(
        update(Run)
        .where(Run.id == run_id, Run.deleted_at.is_(None), allowed)
        .values(state=state, **PUT_BACK, **values)
        .returning(Run.attempt)
    ).scalar_one_or_none()
    if attempt is None:
        raise _refusal(session, run_id)
    if parent is not None and parent.state in families.UNFINISHED:
        raise FamilyConflict(
            f"Run {run_id} starts from {parent}, which {parent.ended}: retry or resume that one first."
        )
    return state, attempt


def _refusal(session: Session, run_id: int) -> RunyardError:
    """Return why a run could not be put back."""
    state = session.execute(
        select(Run.state).where(Run.id == run_id, Run.deleted_at.is_(None))
    ).scalar_one_or_none()
    if state is None:
        return NotFound("run", run_id)
    if state in families.UNFINISHED:
        return NoCheckpoint(run_id)
    return RunStateConflict(run_id, "failed or cancelled", state)


def _tell(session: Session, run_id: int, state: RunState, attempt: int, line: str) -> None:
    logs.append(session, run_id, [line])
    events.record_state(session, run_id, state, attempt=attempt)
    families.wait_again(session, run_id)
