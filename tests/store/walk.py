"""A walk through everything that workers and people do to the store, drawn by hypothesis, with a clock of its own.

Claims that ended are held on purpose, and their owners come back with late words. After every step `onlooker.py`
looks at what is stored. Never import `Walk` into a test's module: pytest would run it by itself.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import SearchStrategy
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from backend.contract import FINAL, MAX_LOSSES, OWNED, Reason, RunState
from backend.errors import RunyardError
from backend.spec import Spec
from backend.store import attempts, families, launches, pointers, queue_order, revive, workers
from backend.store.attempts import Claimed
from backend.store.session import Database
from backend.store.tables import Base, Run, Store
from tests.store import scenes
from tests.store.expected import Expected
from tests.store.onlooker import Onlooker

LEASE = 60.0
BACKOFF = 2.0
MOST_RUNS = 8
WORKERS = ("worker-a", "worker-b", "worker-c")
SELDOM = st.sampled_from([False, False, False, True])
Draw = Callable[[SearchStrategy[Any]], Any]


@dataclass
class Reached:
    """What all walks together came to, so that a test that reached nothing fails."""

    walks: int = 0
    steps: int = 0
    moves: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)


class Walk(RuleBasedStateMachine):
    """Made anew for each sequence. A subclass says on which database, and where to count."""

    database: ClassVar[Database]
    reached: ClassVar[Reached]

    def __init__(self) -> None:
        super().__init__()
        self.time = 1_000_000_000.0
        self.seeds = 0
        self.runs: dict[int, Expected] = {}
        self.claims: list[Claimed] = []
        self.by_person = False
        _empty(self.database)
        self.onlooker = Onlooker(self.database, self.reached.moves)
        self.reached.walks += 1
        with self.writing() as session:
            for name in WORKERS:
                facts = {"host": "here", "device": "cpu", "device_name": "cpu", "version": "0"}
                workers.register(session, name, **facts)

    def possible(self) -> list[str]:
        """Return the names of what can be done now, each as often as it is to be drawn among the others."""
        states = set(self.onlooker.states.values())
        room = len(self.runs) < MOST_RUNS
        weights = {
            "launch": 2 * room,
            "launch_child": 2 * (room and bool(states)),
            "claim": 6 * (RunState.QUEUED in states),
            "report_epoch": 5 * bool(self.held()),
            "report_checkpoint": 2 * bool(self.held()),
            "step_back": 4 * bool(self.fresh()),
            "finish": 2 * bool(self.held()),
            "end_cancelled": 3 * (RunState.CANCELLING in states),
            "leave": 3 * bool(self.held()),
            "speak_late": 6 * bool(self.late()),
            "time_passes": 2,
            "cancel": 2 * bool(states),
            "put_back": 3 * bool(states & set(families.UNFINISHED)),
            "purge": 1 * bool(states & set(FINAL)),
            "hold_up": 1,
            "reorder": 1 * bool(states),
        }
        return [name for name, weight in weights.items() for _ in range(weight)]

    # One rule for all: hypothesis draws among rules so unevenly that most walks would claim nothing.
    @rule(act=st.runner().flatmap(lambda walk: st.sampled_from(walk.possible())), data=st.data())
    def step(self, act: str, data: st.DataObject) -> None:
        self.reached.steps += 1
        getattr(self, act)(data.draw)

    # Launches.

    def launch(self, draw: Draw) -> None:
        for _ in range(draw(st.integers(1, 2))):
            self._accept(scenes.a_spec(seed=self._seed()))

    def launch_child(self, draw: Draw) -> None:
        parent = self._stored(self._run(draw))
        of = Spec.model_validate(parent.spec)
        weights = {"source": "parent", "parent": of.recipe_hash(), "rule": "fixed_seed", "seed": of.seed}
        model = {"arch": "softmax-regression", "weights": weights}
        spec = scenes.a_spec(seed=self._seed(), model=model)
        if parent.state in launches.UNUSABLE:
            self._refused("a child of nobody", lambda session: self._accept_in(session, spec))
        else:
            child = self._accept(spec)
            assert self._stored(child).parent_run_id == parent.id

    # What workers do.

    def claim(self, draw: Draw) -> None:
        worker = draw(st.sampled_from(WORKERS))
        self.time += draw(st.sampled_from([0.0, 4 * BACKOFF]))
        wanted = self.onlooker.next_in_queue(worker, self.time)
        with self.writing() as session:
            claimed = attempts.claim(session, worker, LEASE)
        assert (claimed and claimed.run_id) == wanted
        if claimed is None:
            self.reached.seen["claim of nothing"] += 1
            return
        expected = self.runs[claimed.run_id]
        assert claimed.checkpoint == expected.checkpoint
        expected.claimed(claimed, self.time + LEASE)
        assert claimed.attempt == expected.attempt
        self.claims.append(claimed)

    def report_epoch(self, draw: Draw) -> None:
        claimed, with_checkpoint, again = (
            draw(st.sampled_from(self.held())),
            draw(st.booleans()),
            draw(SELDOM),
        )
        expected = self.runs[claimed.run_id]
        done = max(expected.points, default=0)
        epoch = done if again and done else done + 1
        value = claimed.attempt + epoch / 1000
        pointer = self._pointer(claimed, epoch) if with_checkpoint else None
        if epoch in expected.points:
            value = -1.0  # the first one must stay
            self.reached.seen["an epoch told twice"] += 1
        else:
            expected.reported(epoch, value, pointer)
        with self.writing() as session:
            self._pass_fence(session, claimed)
            run = (claimed.run_id, claimed.attempt)
            attempts.report_epoch(session, *run, epoch, {"test_acc": value}, pointer)

    def report_checkpoint(self, draw: Draw) -> None:
        """Tell a checkpoint that was made within an epoch."""
        claimed = draw(st.sampled_from(self.held()))
        expected = self.runs[claimed.run_id]
        pointer = self._pointer(claimed, max(expected.points, default=0), step=1)
        with self.writing() as session:
            self._pass_fence(session, claimed, {"epoch": 1})
            attempts.report_checkpoint(session, claimed.run_id, claimed.attempt, pointer)
        expected.kept(pointer)

    def step_back(self, draw: Draw) -> None:
        """Tell that the checkpoint to go on from is broken."""
        claimed = draw(st.sampled_from(self.fresh()))
        expected = self.runs[claimed.run_id]
        assert expected.checkpoint
        earlier = pointers.before(expected.checkpoint)
        with self.writing() as session:
            self._pass_fence(session, claimed)
            attempts.step_back(session, claimed.run_id, claimed.attempt, earlier, "It is broken.")
        expected.stepped_back(earlier)
        self.reached.seen["a step back"] += 1

    def finish(self, draw: Draw) -> None:
        self._finish(draw, self.held())

    def end_cancelled(self, draw: Draw) -> None:
        """A run that is to stop may also complete or fail in that moment."""
        stopping = [c for c in self.held() if self.onlooker.states[c.run_id] == RunState.CANCELLING]
        self._finish(draw, stopping)

    def leave(self, draw: Draw) -> None:
        """End an attempt without a verdict: its worker goes in good order, or finds the training dead."""
        claimed, drains = draw(st.sampled_from(self.held())), draw(st.booleans())
        with self.writing() as session:
            assert _leave(session, claimed, drains=drains)
        if drains:
            self.runs[claimed.run_id].ended()
        else:
            self._check_loss(claimed.run_id)

    def speak_late(self, draw: Draw) -> None:
        """A worker that was thought lost, or has told its end already, comes back with one more word."""
        claimed = draw(st.sampled_from(self.late()))
        how = draw(st.sampled_from(["report", "finish", "release", "lose"]))
        with self.writing() as session:
            if how == "report":
                accepted = attempts.renew(session, *_fence_of(claimed), LEASE, {"epoch": 9}) is not None
            elif how == "finish":
                accepted = attempts.finish(session, *_fence_of(claimed), RunState.COMPLETED)
            else:
                accepted = _leave(session, claimed, drains=how == "release")
        assert not accepted, "a late word was heard"
        self.reached.seen["a late word refused"] += 1

    # What time does.

    def time_passes(self, draw: Draw) -> None:
        self.time += draw(st.sampled_from([0.5, LEASE / 2, LEASE + 1]))
        late = [one.run_id for one in self.runs.values() if one.holder and one.lease_until < self.time]
        with self.writing() as session:
            assert attempts.expire(session, backoff_seconds=BACKOFF) == len(late)
        self.reached.seen["a lease that ended"] += len(late)
        for run_id in late:
            self._check_loss(run_id)
        with self.writing() as session:
            assert families.release_ready(session) == 0, "a run waited for a parent that was over"
            assert attempts.cap_waits(session, lease_seconds=LEASE, backoff_seconds=BACKOFF) == 0

    # What people do.

    def cancel(self, draw: Draw) -> None:
        run_id = self._run(draw, *draw(st.sampled_from([tuple(RunState), (RunState.WAITING,), OWNED])))
        before = self._stored(run_id).state
        with self.writing() as session:
            assert attempts.cancel(session, run_id) == (before not in FINAL)

    def put_back(self, draw: Draw) -> None:
        run_id, from_the_start = self._run(draw, *families.UNFINISHED), draw(st.booleans())
        run = self._stored(run_id)
        parent = self._stored(run.parent_run_id) if run.parent_run_id else None
        allowed = run.state in families.UNFINISHED and (from_the_start or run.checkpoint is not None)
        act = revive.retry if from_the_start else revive.resume
        if not allowed or (parent is not None and parent.state in families.UNFINISHED):
            self._refused("a retry or resume", lambda session: act(session, run_id))
            return
        self.by_person = True
        ready = parent is None or parent.state == RunState.COMPLETED
        with self.writing() as session:
            assert act(session, run_id) == (RunState.QUEUED if ready else RunState.WAITING)
        self.runs[run_id].put_back(from_the_start=from_the_start)
        failed_with_it = [c for c in self.onlooker.children(run_id) if c.state == RunState.FAILED]
        assert all(self._stored(child.run_id).reason != Reason.PARENT_FAILED for child in failed_with_it), (
            "a child that failed with it does not wait for it again"
        )

    def purge(self, draw: Draw) -> None:
        run_id = self._run(draw, *FINAL)
        busy = [child for child in self.onlooker.children(run_id) if child.state not in FINAL]
        if busy or self._stored(run_id).state not in FINAL:
            self._refused("a deletion", lambda session: revive.purge(session, run_id))
            return
        with self.writing() as session:
            revive.purge(session, run_id)
        del self.runs[run_id]
        self.onlooker.forget(run_id)
        self.reached.seen["a deletion"] += 1

    def hold_up(self, draw: Draw) -> None:
        """Pause the queue or drain a worker, or let all of them go on."""
        stops, worker = draw(SELDOM), draw(st.none() | st.sampled_from(WORKERS))
        with self.writing() as session:
            if not stops:
                queue_order.resume(session)
            elif worker is None:
                queue_order.pause(session)
            for name in WORKERS:
                if not stops or name == worker:
                    workers.set_drain(session, name, wanted=stops)

    def reorder(self, draw: Draw) -> None:
        run_id, other = self._run(draw, *queue_order.PENDING), self._run(draw, *queue_order.PENDING)
        priority = draw(st.integers(-1, 1))
        pending = self._stored(run_id).state in queue_order.PENDING

        def act(session: Session) -> None:
            queue_order.set_priority(session, run_id, priority)
            if other != run_id:
                queue_order.move(session, run_id, other)

        if pending:
            with self.writing() as session:
                act(session)
        else:
            self._refused("a place for one that is not in the queue", act)

    # What must hold after each of these.

    @invariant()
    def all_is_as_it_must_be(self) -> None:
        self.onlooker.look(self.runs, by_person=self.by_person)
        self.by_person = False

    # How they do it.

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self.database.write() as session:
            session.info["clock"] = lambda: self.time
            yield session

    def _accept(self, spec: Spec) -> int:
        with self.writing() as session:
            run_id = self._accept_in(session, spec)
        self.runs[run_id] = Expected(run_id)
        return run_id

    @staticmethod
    def _accept_in(session: Session, spec: Spec) -> int:
        wanted = launches.NewRun(spec, f"run {spec.seed}")
        (run_id,) = launches.accept(session, [wanted], body_sha256="0" * 64).run_ids
        return run_id

    def held(self) -> list[Claimed]:
        """Return the claims whose words must be heard."""
        return [claimed for claimed in self.claims if self._holds(claimed)]

    def fresh(self) -> list[Claimed]:
        """Return those of the held claims that go on from a checkpoint and have trained nothing yet."""
        expected = {claimed.run_id: self.runs[claimed.run_id] for claimed in self.held()}
        return [
            one for one in self.held() if expected[one.run_id].is_fresh and expected[one.run_id].checkpoint
        ]

    def late(self) -> list[Claimed]:
        """Return the claims that own nothing any more, newest first: those may still name the last attempt."""
        return [claimed for claimed in reversed(self.claims) if not self._holds(claimed)]

    def _holds(self, claimed: Claimed) -> bool:
        expected = self.runs.get(claimed.run_id)
        return expected is not None and expected.holder is claimed

    def _pass_fence(self, session: Session, claimed: Claimed, progress: dict[str, Any] | None = None) -> None:
        """Renew the lease as the first statement of a report."""
        renewal = attempts.renew(session, *_fence_of(claimed), LEASE, progress)
        assert renewal is not None, "the owner was refused"
        state = self.onlooker.states[claimed.run_id]
        assert renewal.cancel_requested == (state == RunState.CANCELLING)
        self.runs[claimed.run_id].lease_until = self.time + LEASE

    def _finish(self, draw: Draw, among: list[Claimed]) -> None:
        claimed = draw(st.sampled_from(among))
        stops = self._stored(claimed.run_id).state == RunState.CANCELLING
        ends = [RunState.COMPLETED, RunState.FAILED, *([RunState.CANCELLED] if stops else [])]
        state = draw(st.sampled_from(ends))
        with self.writing() as session:
            assert attempts.finish(session, *_fence_of(claimed), state)
        self.runs[claimed.run_id].ended()
        assert self._stored(claimed.run_id).state == state

    def _check_loss(self, run_id: int) -> None:
        expected = self.runs[run_id]
        expected.lost()
        run = self._stored(run_id)
        if run.state == RunState.QUEUED:
            assert run.not_before == pytest.approx(self.time + BACKOFF * 2 ** (expected.losses - 1))
            assert run.reason == Reason.WORKER_LOST
        elif run.state == RunState.FAILED:
            assert (run.losses, run.reason) == (MAX_LOSSES, Reason.WORKER_LOST)
        else:
            assert run.state == RunState.CANCELLED

    def _refused(self, what: str, act: Callable[[Session], object]) -> None:
        with pytest.raises(RunyardError), self.writing() as session:
            act(session)
        self.reached.seen[f"{what} refused"] += 1

    def _pointer(self, claimed: Claimed, epoch: int, step: int = 0) -> dict[str, Any]:
        expected = self.runs.get(claimed.run_id)
        place = {"epoch": epoch, "step": step, "global_step": 10 * epoch + step}
        made = {**place, "name": f"attempt-{claimed.attempt}-epoch-{epoch}-{step}", "sha256": "0" * 64}
        return pointers.chained(made, expected and expected.checkpoint)

    def _seed(self) -> int:
        self.seeds += 1
        return self.seeds

    def _run(self, draw: Draw, *states: RunState) -> int:
        """Draw a run in one of these states, where there is one; else any, to which it must be refused."""
        known = sorted(self.runs)
        fitting = [run_id for run_id in known if self.onlooker.states[run_id] in states]
        return draw(st.sampled_from(fitting or known))

    def _stored(self, run_id: int) -> Run:
        return self.onlooker.run(run_id)


def _fence_of(claimed: Claimed) -> tuple[int, int, str]:
    return claimed.run_id, claimed.attempt, claimed.owner


def _leave(session: Session, claimed: Claimed, *, drains: bool) -> bool:
    if drains:
        return attempts.release(session, *_fence_of(claimed))
    return attempts.lose(session, *_fence_of(claimed), "It vanished.", backoff_seconds=BACKOFF)


def _empty(database: Database) -> None:
    with database.write() as session:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name != Store.__tablename__:
                session.execute(delete(table))
        session.execute(update(Store).values(paused_at=None))
