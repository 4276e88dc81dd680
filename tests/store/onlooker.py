"""Looks at what is stored after each step of a walk, and says what must never be."""

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.contract import FINAL, LEGAL_MOVES, MAX_LOSSES, OWNED, RunState
from backend.store import events, families, queue_order
from backend.store.session import Database
from backend.store.tables import Attempt, Point, Run, Worker
from tests.store.expected import Expected

ON_ITS_WAY = (RunState.WAITING, RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING)
BEGUN = (RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING, RunState.COMPLETED)


class Onlooker:
    """Follows the events by its cursor, as a browser does, and counts the moves into `moves`."""

    def __init__(self, database: Database, moves: Counter[tuple[str | None, str]]) -> None:
        self._database = database
        self._moves = moves
        self.states: dict[int, RunState] = {}
        """By run, as the events told them."""
        self._attempts: dict[int, int] = {}
        with database.read() as session:
            self._cursor = events.last_id(session)

    def holds(self, *states: RunState) -> bool:
        """Return whether some run is in one of these states."""
        return any(state in states for state in self.states.values())

    def run(self, run_id: int) -> Run:
        with self._database.read() as session:
            found = session.get(Run, run_id)
        assert found is not None
        return found

    def children(self, run_id: int) -> list[families.Relative]:
        with self._database.read() as session:
            return families.children(session, run_id)

    def next_in_queue(self, worker_id: str, now: float) -> int | None:
        """Return the run that a claim must take now, found in Python; None where it must take none."""
        with self._database.read() as session:
            drained = session.scalars(select(Worker.drain_requested).where(Worker.id == worker_id)).one()
            if drained or queue_order.paused_at(session) is not None:
                return None
            runs = session.scalars(select(Run).where(Run.deleted_at.is_(None))).all()
        queued = [run for run in runs if run.state == RunState.QUEUED and run.not_before <= now]
        queued.sort(key=lambda run: (-run.priority, run.id if run.place is None else run.place, run.id))
        return queued[0].id if queued else None

    def forget(self, run_id: int) -> None:
        """A run was deleted, and its events with it."""
        del self.states[run_id]

    def look(self, expected: Mapping[int, Expected], *, by_person: bool) -> None:
        """Raise AssertionError where something is stored that must not be.

        `by_person`: a person has put a run back since the last look; only then one may leave its end.
        """
        with self._database.read() as session:
            self._follow(session, by_person)
            runs = {run.id: run for run in session.scalars(select(Run).where(Run.deleted_at.is_(None)))}
            points = _points(session)
            ended = _ended_attempts(session)
        assert runs.keys() == expected.keys()
        for run_id, run in runs.items():
            assert run.state == self.states[run_id], "its events tell another state"
            assert points.get(run_id, {}) == expected[run_id].points, "other points than its owners reported"
            _check_owner(run, expected[run_id])
            _check_counts(run, expected[run_id], ended.get(run_id, 0))
            _check_parent(run, runs)

    def _follow(self, session: Session, by_person: bool) -> None:
        fresh = events.after(session, self._cursor)
        for event in fresh:
            assert event.id > self._cursor
            self._cursor = event.id
            attempt = event.payload["attempt"]
            assert attempt >= self._attempts.get(event.run_id, 0), "an event of an earlier attempt came late"
            self._attempts[event.run_id] = attempt
            if event.kind == "state":
                self._move(event.run_id, RunState(event.payload["state"]), by_person)

    def _move(self, run_id: int, after: RunState, by_person: bool) -> None:
        before = self.states.get(run_id)
        asked_twice = before == after == RunState.CANCELLING
        if before is None:
            assert after in (RunState.QUEUED, RunState.WAITING)
        elif not asked_twice:
            assert after in LEGAL_MOVES[before], f"{before} to {after}"
            assert before != RunState.COMPLETED
            assert before not in FINAL or by_person, f"{before} was left by nobody"
        if not asked_twice:
            self._moves[before, after] += 1
        self.states[run_id] = after


def _check_owner(run: Run, expected: Expected) -> None:
    is_owned = run.state in OWNED
    assert (run.owner is not None) == (run.lease_until is not None) == is_owned
    assert (expected.holder is not None) == is_owned
    if expected.holder is not None:
        holder = expected.holder
        assert (run.owner, run.attempt) == (holder.owner, holder.attempt)
        assert run.lease_until == expected.lease_until


def _check_counts(run: Run, expected: Expected, ended: int) -> None:
    assert run.attempt == expected.attempt
    assert ended == run.attempt - (run.state in OWNED)
    assert run.losses == expected.losses
    assert run.losses < MAX_LOSSES or run.state in families.UNFINISHED
    assert run.checkpoint == expected.checkpoint
    assert (run.finished_at is not None) == (run.state in FINAL)
    assert (run.summary["epoch"] if run.summary else 0) == max(expected.points, default=0)


def _check_parent(run: Run, runs: Mapping[int, Run]) -> None:
    parent = runs[run.parent_run_id] if run.parent_run_id is not None else None
    if run.state == RunState.WAITING:
        assert parent is not None, "it waits for nobody"
        assert parent.state in ON_ITS_WAY, f"it waits for one that is {parent.state}"
    elif parent is not None and run.state in BEGUN:
        assert parent.state == RunState.COMPLETED, f"it is {run.state} while its parent is {parent.state}"


def _points(session: Session) -> dict[int, dict[int, float | None]]:
    """Return the values by run and epoch. A second one of an epoch would be an error of the database's key."""
    found: dict[int, dict[int, float | None]] = {}
    for run_id, epoch, value in session.execute(select(Point.run_id, Point.epoch, Point.value)):
        assert epoch not in found.setdefault(run_id, {})
        found[run_id][epoch] = value
    return found


def _ended_attempts(session: Session) -> dict[int, int]:
    query = select(Attempt.run_id, func.count(Attempt.ended_at)).group_by(Attempt.run_id)
    return dict(session.execute(query).all())  # pyright: ignore
