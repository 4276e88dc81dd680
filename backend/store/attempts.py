"""The protocol between a run and the worker that trains it: claim, renew, report, and each way to end.

Every move is one conditional UPDATE whose row count is checked: nothing is read, tested in Python and
written back. An attempt's number rises at every claim and is the fencing token: a worker that was thought
lost and comes back finds another number in the row, and writes nothing.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Double, Table, and_, bindparam, case, insert, not_, null, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import ColumnElement

from backend.contract import MAX_LOSSES, OWNED, EventKind, Reason, RunState
from backend.store import chunks, clock, events, families, logs, pointers, points, queue_order
from backend.store import predictions as tested
from backend.store.changes import changed
from backend.store.families import ParentRun
from backend.store.tables import Attempt, Run, Worker
from backend.text import storable

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.sql.dml import ReturningUpdate


# What every epoch of every run executes is made once, and of the table: SQLAlchemy takes ten times as long to put such a
# statement together as SQLite to carry it out, and on SQLite all others wait meanwhile. Columns that are given beside
# the named parameters are those that are set.
_RUN = cast("Table", Run.__table__)
_TELL = update(_RUN).where(_RUN.c.id == bindparam("of_run"), _RUN.c.attempt == bindparam("of_attempt"))


_TELL_CHECKPOINT = _TELL.returning(_RUN.c.summary)
_TELL_EPOCH = _TELL.returning(_RUN.c.checkpoint)


def _known(now: ColumnElement[float]) -> "Select[Any, float]":
    return select(_RUN.c.summary, now).where(_RUN.c.id == bindparam("of_run"))


def _renewing(now: ColumnElement[float]) -> "ReturningUpdate[tuple[bool]]":
    owned = (_RUN.c.owner == bindparam("by"), _RUN.c.state.in_(OWNED))
    later = {"lease_until": now + bindparam("seconds", type_=Double())}
    return _TELL.where(*owned).values(later).returning(_RUN.c.cancel_requested)


_KNOWN = _known(clock.DatabaseNow())
_RENEW = _renewing(clock.DatabaseNow())


@dataclass(frozen=True)
class Claimed:
    """A run that this worker now owns, as `attempt`. `checkpoint` is where it goes on from, if anywhere."""

    run_id: int
    attempt: int
    owner: str
    spec: dict[str, Any]
    recipe_id: int
    checkpoint: dict[str, Any] | None
    data_hash: str | None
    """Content of the data set that the attempt before saw; the name may mean another by now."""
    parent: ParentRun | None = None
    """The run that this one starts from; None for one that needs none, and where that run is gone."""


@dataclass(frozen=True)
class Renewal:
    """The answer to a report that was accepted."""

    cancel_requested: bool


def claim(session: Session, owner: str, lease_seconds: float) -> Claimed | None:
    """Take the first run of the queue, and rewind it to its checkpoint; None if there is none to take.

    There is none while the queue is paused, nor for a worker that a person drains, and one that needs more devices
    than this worker holds is left to others. On SQLite the writing transaction excludes all others; on Postgres two
    workers skip each other's rows.
    """
    queue_order.hold(session, shared=True)
    now = clock.now(session)
    best = (
        select(Run.id)
        .where(Run.state == RunState.QUEUED, Run.not_before <= now, Run.deleted_at.is_(None))
        .where(queue_order.may_claim(owner), queue_order.fits(owner))
        .order_by(*queue_order.ORDER)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = session.execute(
        update(Run)
        .where(Run.id == best.scalar_subquery(), Run.state == RunState.QUEUED)
        .values(
            state=RunState.RUNNING,
            owner=owner,
            lease_until=now + lease_seconds,
            attempt=Run.attempt + 1,
            started_at=case((Run.started_at.is_(None), now), else_=Run.started_at),
            cancel_requested=False,
            progress=None,
            reason=None,
            detail=None,
        )
        .returning(Run.id, Run.attempt, Run.spec, Run.recipe_id, Run.checkpoint)
    ).one_or_none()
    if row is None:
        return None
    run_id, attempt, spec, recipe_id, checkpoint = row
    parent = families.begin_on_parent(session, run_id, anew=checkpoint is None)
    data_hash = (last_told(session, run_id) or {}).get("data_hash") if checkpoint else None
    session.execute(
        insert(Attempt).values(
            run_id=run_id, number=attempt, worker_id=owner, started_at=now, resumed_from=checkpoint
        )
    )
    if attempt > 1:
        _rewind(session, run_id, attempt, checkpoint)
        logs.append(session, run_id, [f"Attempt {attempt} starts from {pointers.place(checkpoint)}."])
    events.record_state(session, run_id, RunState.RUNNING, attempt=attempt)
    return Claimed(run_id, attempt, owner, spec, recipe_id, checkpoint, data_hash, parent)


def renew(
    session: Session,
    run_id: int,
    attempt: int,
    owner: str,
    lease_seconds: float,
    progress: dict[str, Any] | None = None,
) -> Renewal | None:
    """Prove that this attempt still owns the run and extend its lease; return None once another does.

    The first statement of every report: an UPDATE, not a SELECT, so that a take-over cannot slip in
    between the check and the writes that follow it in the same transaction.
    """
    renewing = _RENEW if clock.is_real(session) else _renewing(clock.now(session))
    told = {"of_run": run_id, "of_attempt": attempt, "by": owner, "seconds": float(lease_seconds)}
    if progress is not None:
        told["progress"] = progress
    cancel_requested = session.execute(renewing, told).scalar_one_or_none()
    return None if cancel_requested is None else Renewal(bool(cancel_requested))


def report_epoch(
    session: Session,
    run_id: int,
    attempt: int,
    epoch: int,
    metrics: dict[str, float],
    checkpoint: dict[str, Any] | None,
    predictions: tuple[str, bytes] | None = None,
    mistakes: tested.NewMistakes | None = None,
) -> None:
    """Store an epoch's points and, where one was made, point to its checkpoint; after `renew`, in its transaction.

    `checkpoint` is as `pointers.py` says.
    `predictions` are the hash of a test set that was described, and the classes predicted for it; `mistakes` the
    wrong ones among them to be shown.
    """
    asking = _KNOWN if clock.is_real(session) else _known(clock.now(session))
    known, now = session.execute(asking, {"of_run": run_id}).one()
    if known is not None and known["epoch"] >= epoch:
        return  # told already: the answer to that commit was lost on the way
    finite, nonfinite = points.write(session, run_id, epoch, metrics, now)
    summary = points.extended_summary(known, epoch, finite)
    values: dict[str, Any] = {"summary": summary}
    if checkpoint is not None:
        # What gets ahead is not the run that kills its workers: the count begins anew.
        values |= {"checkpoint": checkpoint, "losses": 0}
    told = {"of_run": run_id, "of_attempt": attempt, **values}
    newest = session.execute(_TELL_EPOCH, told).scalar_one()
    if predictions is not None:
        tested.write(session, run_id, epoch, *predictions, mistakes)
    tested.prune(session, run_id, summary, newest)
    events.record(
        session,
        run_id,
        EventKind.EPOCH,
        {"epoch": epoch, "metrics": finite, "nonfinite": nonfinite, "attempt": attempt},
    )


def report_checkpoint(session: Session, run_id: int, attempt: int, checkpoint: dict[str, Any]) -> None:
    """Point to a checkpoint that was made within an epoch; after `renew`, in its transaction."""
    told = {"of_run": run_id, "of_attempt": attempt, "checkpoint": checkpoint, "losses": 0}
    summary = session.execute(_TELL_CHECKPOINT, told).scalar_one()
    tested.prune(session, run_id, summary, checkpoint)


def step_back(session: Session, run_id: int, attempt: int, earlier: dict[str, Any] | None, why: str) -> None:
    """Let an attempt whose checkpoint is broken go on from an earlier one, or from the start; after `renew`.

    `why` is a sentence that names the broken one. Rewinds the run as if the attempt had begun there.
    """
    session.execute(
        update(Run)
        .where(Run.id == run_id, Run.attempt == attempt)
        .values(checkpoint=null() if earlier is None else earlier)
    )
    session.execute(
        update(Attempt)
        .where(Attempt.run_id == run_id, Attempt.number == attempt)
        .values(resumed_from=null() if earlier is None else earlier)
    )
    _rewind(session, run_id, attempt, earlier)
    line = f"{why} Attempt {attempt} goes back and starts from {pointers.place(earlier)}."
    logs.append(session, run_id, [line])


def describe(session: Session, run_id: int, attempt: int, environment: dict[str, Any]) -> None:
    """Keep what the attempt runs on; after `renew`, in its transaction.

    One that goes on from a checkpoint of all weights reads none itself: it keeps what the run began with.
    """
    if environment.get("weights") is None and _goes_on(session, run_id, attempt):
        begun_with = (last_told(session, run_id, before=attempt) or {}).get("weights")
        environment = environment | {"weights": begun_with}
    kind = session.scalars(_device_key(run_id, attempt)).one_or_none()
    if kind is not None:
        environment = environment | {"device_key": kind}
    session.execute(
        update(Attempt)
        .where(Attempt.run_id == run_id, Attempt.number == attempt)
        .values(environment=environment)
    )


def _device_key(run_id: int, attempt: int) -> "Select[str | None]":
    """The kind of device of an attempt's worker, as `calibrations` knows it: its own row goes when it leaves."""
    of_attempt = (Attempt.run_id == run_id, Attempt.number == attempt)
    return select(Worker.device_key).join(Attempt, Attempt.worker_id == Worker.id).where(*of_attempt)


def last_told(session: Session, run_id: int, before: int | None = None) -> dict[str, Any] | None:
    """Return what the newest attempt (of those before the one given) that came so far said that it runs on."""
    query = select(Attempt.environment).where(Attempt.run_id == run_id, Attempt.environment.is_not(None))
    if before is not None:
        query = query.where(Attempt.number < before)
    return session.scalars(query.order_by(Attempt.number.desc()).limit(1)).one_or_none()


def last_described(session: Session, run_id: int) -> tuple[dict[str, Any], int] | None:
    """Return what the newest attempt that came so far said that it runs on, and after which epoch it began."""
    query = select(Attempt.environment, Attempt.resumed_from).where(
        Attempt.run_id == run_id, Attempt.environment.is_not(None)
    )
    row = session.execute(query.order_by(Attempt.number.desc()).limit(1)).one_or_none()
    return None if row is None else (row.environment, pointers.place(row.resumed_from).epoch)


def finish(
    session: Session,
    run_id: int,
    attempt: int,
    owner: str,
    state: RunState,
    reason: Reason | None = None,
    detail: str | None = None,
) -> bool:
    """End the run as completed, failed or cancelled; return False if this attempt owns it no more."""
    detail = None if detail is None else storable(detail)
    moved = changed(
        session,
        update(Run)
        .where(_owned_by(run_id, attempt, owner))
        .values(
            state=state,
            reason=reason,
            detail=detail,
            owner=None,
            lease_until=None,
            progress=None,
            finished_at=clock.now(session),
        ),
    )
    if moved != 1:
        return False
    _end_attempt(session, run_id, attempt, reason, detail)
    events.record_state(session, run_id, state, reason, detail, attempt)
    families.pass_on(session, run_id)
    return True


def release(
    session: Session,
    run_id: int,
    attempt: int,
    owner: str,
    reason: Reason = Reason.DRAINED,
    detail: str | None = None,
) -> bool:
    """Put the run back into the queue as its worker leaves in good order; no loss is counted."""
    now = clock.now(session)
    moved = changed(
        session,
        update(Run)
        .where(_owned_by(run_id, attempt, owner), Run.state == RunState.RUNNING)
        .values(state=RunState.QUEUED, owner=None, lease_until=None, progress=None, not_before=now),
    )
    if moved != 1:
        # A wish to cancel came first: then the run is over.
        return finish(session, run_id, attempt, owner, RunState.CANCELLED, Reason.CANCELLED)
    _end_attempt(session, run_id, attempt, reason, detail)
    events.record_state(session, run_id, RunState.QUEUED, reason, detail, attempt)
    return True


def lose(
    session: Session, run_id: int, attempt: int, owner: str, detail: str, *, backoff_seconds: float
) -> bool:
    """Count a lost training: back to the queue after a wait, or failed at the third loss since a checkpoint."""
    return _lose(session, _owned_by(run_id, attempt, owner), storable(detail), backoff_seconds) > 0


def expire(session: Session, *, backoff_seconds: float) -> int:
    """Take the runs whose lease has ended from their owners; return how many."""
    ended = and_(Run.state.in_(OWNED), Run.lease_until < clock.now(session))
    # In one order, and none that another holds just now: two who expire at once must not wait for one another.
    held = select(Run.id).where(ended).order_by(Run.id).with_for_update(skip_locked=True)
    return _lose(
        session,
        and_(ended, Run.id.in_(held)),
        "The worker was not heard of until its lease ended.",
        backoff_seconds,
    )


def cancel(session: Session, run_id: int) -> bool:
    """Cancel a run that nobody owns, or ask its owner to; return False if it is over already.

    One statement decides which: between two, the run could move from its worker back into the queue.
    """
    is_free = Run.state.in_((RunState.QUEUED, RunState.WAITING))
    moved = session.execute(
        update(Run)
        .where(Run.id == run_id, or_(is_free, Run.state.in_(OWNED)))
        .values(
            state=case((is_free, RunState.CANCELLED), else_=RunState.CANCELLING),
            reason=case((is_free, Reason.CANCELLED), else_=Run.reason),
            finished_at=case((is_free, clock.now(session)), else_=None),
            cancel_requested=not_(is_free),
        )
        .returning(Run.state, Run.reason, Run.attempt)
    ).one_or_none()
    if moved is None:
        return False
    state, reason, attempt = moved
    events.record_state(session, run_id, state, reason, None, attempt)
    families.pass_on(session, run_id)
    return True


def cap_waits(session: Session, *, lease_seconds: float, backoff_seconds: float) -> int:
    """Shorten leases and waits that reach too far ahead, as after the clock was set back; return how many."""
    now = clock.now(session)
    longest_lease, longest_wait = now + lease_seconds + 1.0, now + 4 * backoff_seconds + 1.0
    leases = update(Run).where(Run.state.in_(OWNED), Run.lease_until > longest_lease)
    waits = update(Run).where(Run.state == RunState.QUEUED, Run.not_before > longest_wait)
    return changed(session, leases.values(lease_until=longest_lease)) + changed(
        session, waits.values(not_before=longest_wait)
    )


def _goes_on(session: Session, run_id: int, attempt: int) -> bool:
    from_checkpoint = select(Attempt.number).where(
        Attempt.run_id == run_id, Attempt.number == attempt, Attempt.resumed_from.is_not(None)
    )
    return session.execute(from_checkpoint).scalar_one_or_none() is not None


def _lose(session: Session, which: ColumnElement[bool], detail: str, backoff_seconds: float) -> int:
    now = clock.now(session)
    wanted_gone = Run.state == RunState.CANCELLING
    too_often = Run.losses + 1 >= MAX_LOSSES
    over = or_(wanted_gone, too_often)
    # A power of two by cases: SQLite's pow() is an option of its build.
    waits = case((Run.losses == 0, 1.0), (Run.losses == 1, 2.0), else_=4.0) * backoff_seconds
    lost = session.execute(
        update(Run)
        .where(which, Run.state.in_(OWNED))
        .values(
            losses=Run.losses + 1,
            state=case(
                (wanted_gone, RunState.CANCELLED), (too_often, RunState.FAILED), else_=RunState.QUEUED
            ),
            reason=case((wanted_gone, Reason.CANCELLED), else_=Reason.WORKER_LOST),
            detail=case(
                (wanted_gone, None),
                (too_often, f"{detail} That was loss {MAX_LOSSES} since the last checkpoint: given up."),
                else_=detail,
            ),
            finished_at=case((over, now), else_=None),
            not_before=case((over, 0.0), else_=now + waits),
            owner=None,
            lease_until=None,
            progress=None,
        )
        .returning(Run.id, Run.attempt, Run.state, Run.reason, Run.detail)
    ).all()
    for run_id, attempt, state, reason, text in lost:
        _end_attempt(session, run_id, attempt, Reason.WORKER_LOST, detail)
        logs.append(session, run_id, [f"Attempt {attempt} ended: worker lost. {detail}"])
        events.record_state(session, run_id, state, reason, text, attempt)
        families.pass_on(session, run_id)
    return len(lost)


def _owned_by(run_id: int, attempt: int, owner: str) -> ColumnElement[bool]:
    return and_(Run.id == run_id, Run.attempt == attempt, Run.owner == owner, Run.state.in_(OWNED))


def _end_attempt(session: Session, run_id: int, attempt: int, reason: str | None, detail: str | None) -> None:
    session.execute(
        update(Attempt)
        .where(Attempt.run_id == run_id, Attempt.number == attempt)
        .values(ended_at=clock.now(session), reason=reason or "completed", detail=detail)
    )


def _rewind(session: Session, run_id: int, attempt: int, checkpoint: dict[str, Any] | None) -> None:
    """Forget what came after the checkpoint: the attempt will tell it again."""
    place = pointers.place(checkpoint)
    points.delete_after(session, run_id, place.epoch)
    tested.delete_after(session, run_id, place.epoch)
    chunks.delete_steps_after(session, run_id, place.global_step)
    session.execute(update(Run).where(Run.id == run_id).values(summary=points.summary_of(session, run_id)))
    rewound_to = {"epoch": place.epoch, "step": place.step, "attempt": attempt}
    events.record(session, run_id, EventKind.REWIND, rewound_to)
