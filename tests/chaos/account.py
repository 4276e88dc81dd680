"""What the store says of runs that are over: whether any work was lost or done twice, and what of it was resumed.

It must not know what befell them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil
from sqlalchemy import func, select

from backend.contract import FINAL, TIMING_METRICS, EventKind, RunState
from backend.store import clock, events, points, runs
from backend.store.events import StoredEvent
from backend.store.session import Database
from backend.store.tables import Attempt, Point, Run

Curves = dict[str, dict[int, float]]
MOST_EVENTS = 100_000


@dataclass
class Told:
    """What a reader of a run's events knows at the end, and what was wrong on the way."""

    by: dict[int, int] = field(default_factory=dict)
    """The attempt that told each epoch that still counts."""
    completions: int = 0
    newest_attempt: int = 0
    faults: list[str] = field(default_factory=list)

    def read(self, event: StoredEvent) -> None:
        if event.kind == EventKind.FINDINGS:
            return  # of the service, not of an attempt
        attempt = event.payload["attempt"]
        if attempt < self.newest_attempt:
            self.faults.append(f"attempt {attempt} wrote after attempt {self.newest_attempt} had begun")
        self.newest_attempt = max(self.newest_attempt, attempt)
        if event.kind == EventKind.STATE:
            self.completions += event.payload["state"] == RunState.COMPLETED
        elif event.kind == EventKind.REWIND:
            self.by = {epoch: who for epoch, who in self.by.items() if epoch <= event.payload["epoch"]}
        else:
            epoch = event.payload["epoch"]
            if epoch != len(self.by) + 1:
                self.faults.append(f"epoch {epoch} was told after epoch {len(self.by)}")
            self.by[epoch] = attempt


def faults(database: Database, run_id: int) -> list[str]:
    """Return what is wrong with a run that should be completed once, each epoch of it told once."""
    told = what_was_told(database, run_id)
    with database.read() as session:
        run = runs.get(session, run_id).run
        ends = list(
            session.scalars(select(Attempt.reason).where(Attempt.run_id == run_id).order_by(Attempt.number))
        )
        counted = Counter(
            session.execute(select(Point.name, Point.epoch).where(Point.run_id == run_id)).all()
        )
    found = list(told.faults)
    if run.state != RunState.COMPLETED:
        found.append(f"it is {run.state} ({run.reason}: {run.detail})")
    if ends.count("completed") != 1 or ends[-1] != "completed" or None in ends:
        found.append(f"its attempts ended as {ends}")
    if told.completions != 1:
        found.append(f"it was completed {told.completions} times")
    if sorted(told.by) != list(range(1, run.epochs + 1)):
        found.append(f"of its {run.epochs} epochs these were told: {sorted(told.by)}")
    names = {name for name, _ in counted}
    if counted != Counter((name, epoch) for name in names for epoch in range(1, run.epochs + 1)):
        found.append(f"points are missing or doubled: {sorted(counted)}")
    return [f"run {run_id}: {fault}" for fault in found]


def what_was_told(database: Database, run_id: int) -> Told:
    """Read the events of a run as a browser does."""
    told = Told()
    with database.read() as session:
        for event in events.after(session, 0, run_id=run_id, limit=MOST_EVENTS):
            told.read(event)
    return told


def queued_again_at(database: Database, run_id: int, attempt: int) -> float | None:
    """Return when a run was back in the queue after an attempt, by the database's clock; None where it was not."""
    with database.read() as session:
        for event in events.after(session, 0, run_id=run_id, limit=MOST_EVENTS):
            if event.payload == event.payload | {"state": RunState.QUEUED, "attempt": attempt}:
                return event.at
    return None


def now(database: Database) -> float:
    """Return the time by the database's clock."""
    with database.read() as session:
        return clock.read_now(session)


def is_stitched(database: Database, run_id: int) -> bool:
    """Return whether the curves of a run were made by more than one attempt."""
    return len(set(what_was_told(database, run_id).by.values())) > 1


def curves(database: Database, run_id: int) -> Curves:
    """Return all values of a run that a repeated one repeats, by metric and epoch."""
    with database.read() as session:
        found = points.read(session, run_id)
    return {name: series.by_epoch() for name, series in found.items() if name not in TIMING_METRICS}


def count_points(found: Curves) -> int:
    return sum(len(values) for values in found.values())


def count_attempts(database: Database, run_ids: Sequence[int]) -> tuple[int, int]:
    """Return how many attempts some runs took, and how many of them began at a checkpoint."""
    with database.read() as session:
        resumed = session.scalars(
            select(Attempt.resumed_from.is_not(None)).where(Attempt.run_id.in_(run_ids))
        ).all()
    return len(resumed), sum(resumed)


def are_over(database: Database, run_ids: Sequence[int]) -> bool:
    """Return whether all of some runs have ended. One query: asked often, beside trainings that need the processor."""
    on_their_way = select(func.count()).where(Run.id.in_(run_ids), Run.state.not_in(FINAL))
    with database.read() as session:
        return session.execute(on_their_way).scalar_one() == 0


def strays(home: str, family: Sequence[psutil.Process]) -> list[str]:
    """Return the processes that were started for a home folder and belong to no family any more."""
    known = {process.pid for process in family}
    return [
        f"{process.pid} {process.name()}"
        for process in psutil.process_iter()
        if process.pid not in known and _home_of(process) == home
    ]


def _home_of(process: psutil.Process) -> str | None:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process.environ().get("RUNYARD_HOME")
    except psutil.Error:
        return None
