"""Runs that are in training and not heard of: stale, until their lease ends and they are taken back, or they are heard of again.

This is shown to people and stored nowhere: nothing is decided by it.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.contract import OWNED
from backend.store import clock
from backend.store.tables import Run


@dataclass(frozen=True)
class Stale:
    """When a run in training was last heard of, and until when it may still be before it is taken back."""

    heard_at: float
    until: float


def staleness(run: Run, now: float, lost_seconds: float, lease_seconds: float | None) -> Stale | None:
    """Return since when a run is not heard of; None for one that is, and where nobody knows how long leases last.

    A training renews its lease every second or sooner. It counts as stale when it did not for as long as makes a
    worker lost, or for half of the lease where that is shorter.
    """
    if lease_seconds is None or run.lease_until is None or run.state not in OWNED:
        return None
    heard_at = run.lease_until - lease_seconds
    is_late = now - heard_at > min(lost_seconds, lease_seconds / 2)
    return Stale(heard_at, run.lease_until) if is_late else None


def stale_runs(session: Session, lost_seconds: float, lease_seconds: float) -> dict[int, Stale]:
    """Return the runs that are stale now, by their numbers."""
    now = clock.read_now(session)
    # A stale lease has at most this long to go: the others need not be read.
    late = Run.lease_until < now + lease_seconds - min(lost_seconds, lease_seconds / 2)
    found = session.scalars(select(Run).where(Run.state.in_(OWNED), late).order_by(Run.id))
    told = {run.id: staleness(run, now, lost_seconds, lease_seconds) for run in found}
    return {run_id: stale for run_id, stale in told.items() if stale is not None}
