"""How a run passes from one worker to the next: one that was thought lost, one that drains, one that always dies.

Two workers on each kind of store serve all of these, one after the other: to start them takes the most time.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from backend.contract import MAX_LOSSES, Reason, RunState
from backend.processes import is_alive, wait_until
from backend.store import attempts, clock, pointers, points, runs
from backend.store.session import Database
from backend.store.tables import Run
from tests.chaos.backends import Backend, backend_of
from tests.chaos.goals import FULL, Goal, scaled
from tests.chaos.storm import REFUSED, Side
from tests.processes.stack import Stack

BACKOFF_SECONDS = 0.3
LEASE_SECONDS = 600.0
"""So long that no training ends because it was not heard of: what refuses it is the fence."""
FENCED = "a report was refused: the run belongs to another attempt"
"""What a training says that ends because its report was refused."""
FREEZES = 3
RELEASES = scaled(2, 10)
DRAIN_SECONDS = 10.0
OTHER_EPOCHS = 120
"""So many that a training outlasts three starts of another beside it."""
LIMIT_SECONDS = 300.0
SMALL = {"name": "shapes", "train_limit": 500, "test_limit": 50}


@dataclass
class Pair:
    """Two workers with all that they need, which can be stopped and started again."""

    backend: Backend
    home: Path
    database: Database
    stack: Stack

    def start(self) -> None:
        self.stack = a_stack(self.backend, self.home)
        self.stack.__enter__()

    def stop(self) -> None:
        self.stack.__exit__()


def a_stack(backend: Backend, home: Path) -> Stack:
    return Stack(
        home,
        workers=2,
        lease_seconds=LEASE_SECONDS,
        backoff_seconds=BACKOFF_SECONDS,
        checkpoint_seconds=0,
        poll_seconds=0.25,
        **backend.environment,
    )


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    home = folder / "home"
    with backend_of(request.param, folder / "servers") as backend:
        made = Pair(backend, home, Database(backend.database_url(home)), a_stack(backend, home))
        made.stack.__enter__()
        try:
            yield made
        finally:
            made.stop()
            made.database.dispose()


def launch(stack: Stack, epochs: int, **changes: Any) -> int:
    return stack.launch(epochs=epochs, **{"dataset": SMALL, **changes})


def owner_of(stack: Stack, run_id: int) -> str:
    return stack.client.run(run_id)["attempts"][-1]["worker"]


def told(home: Path, sentence: str) -> int:
    """Return how often the workers' logs say this."""
    return sum(
        log.read_text(errors="replace").count(sentence) for log in (home / "logs").glob("worker-*.log")
    )


def stored(database: Database, run_id: int) -> tuple[Any, ...]:
    """Return what a late report must not change."""
    with database.read() as session:
        run = runs.get(session, run_id).run
        curves = points.read(session, run_id)
        ends = [
            (one.number, one.worker_id, one.reason, one.ended_at) for one in runs.attempts(session, run_id)
        ]
        return run.state, run.attempt, run.losses, run.finished_at, run.summary, run.checkpoint, curves, ends


@contextmanager
def frozen(database: Database, run_id: int) -> Iterator[tuple[str, Side]]:
    """Stop the worker of a run and its training, and take the run from them, of which they know nothing.

    All in one transaction that holds the run: neither of them stands within one of its own, which would hold up
    everybody else until they go on. Both go on at the end.
    """
    with database.read() as session:
        owner = runs.get(session, run_id).run.owner
    assert owner is not None
    side = Side.of(owner)
    assert side is not None
    try:
        with database.write() as session:
            held = session.get_one(Run, run_id, with_for_update=True)
            assert held.owner == owner
            side.worker.suspend()
            side.training.suspend()
            session.execute(update(Run).where(Run.id == run_id).values(lease_until=clock.now(session) - 1.0))
            assert attempts.expire(session, backoff_seconds=0) == 1
        yield owner, side
    finally:
        for process in (side.training, side.worker):
            if is_alive(process.pid):
                process.resume()


@contextmanager
def drained(stack: Stack, worker: str) -> Iterator[None]:
    """Let a worker take no runs meanwhile."""
    stack.client.drain(worker)
    try:
        yield
    finally:
        stack.client.drain(worker, drain=False)


def test_a_worker_that_was_frozen_while_another_finished_its_run_is_refused_and_goes_on_to_serve(
    pair: Pair, goal: Goal
) -> None:
    stack, home = pair.stack, pair.home
    ended_alone = served = 0
    for _ in range(FREEZES):
        run_id = launch(stack, epochs=12)
        stack.until(lambda run_id=run_id: stack.epochs_done(run_id) >= 2, LIMIT_SECONDS)
        with frozen(pair.database, run_id) as (stale, side):
            ended = stack.wait_for_end(run_id, LIMIT_SECONDS)
            assert (ended["state"], ended["attempt"]) == ("completed", 2), stack.story()
            other = owner_of(stack, run_id)
            assert other != stale
            before = stored(pair.database, run_id)
            side.training.resume()
            # Its worker still stands: nobody but itself can have ended it.
            ended_alone += wait_until(lambda side=side: not is_alive(side.training.pid), LIMIT_SECONDS)
        with drained(stack, other):
            again = launch(stack, epochs=1)
            assert stack.wait_for_end(again, LIMIT_SECONDS)["state"] == "completed"
            served += owner_of(stack, again) == stale
        assert stored(pair.database, run_id) == before, "a late report changed what is stored"
    reports, verdicts = told(home, FENCED), told(home, REFUSED)
    goal.tell(
        "R3",
        f"{reports} of {FREEZES} late reports of trainings and {verdicts} of {FREEZES} late verdicts of workers refused, "
        f"{ended_alone} trainings ended alone, {served} workers served on, on {pair.backend.kind}",
        f"{FREEZES} of {FREEZES}",
        held=reports == verdicts == ended_alone == served == FREEZES,
    )


def test_a_run_that_kills_its_own_process_fails_at_the_third_loss_and_harms_no_other(
    pair: Pair, goal: Goal
) -> None:
    stack = pair.stack
    other = launch(stack, epochs=OTHER_EPOCHS)
    # Its first epoch, and so its first checkpoint, is far away.
    doomed = launch(stack, epochs=1, dataset={"name": "shapes"}, batch_size=1)
    for attempt in range(1, MAX_LOSSES + 1):
        stack.until(lambda attempt=attempt: trains(stack, doomed, attempt), LIMIT_SECONDS)
        side = Side.of(owner_of(stack, doomed))
        assert side is not None
        side.training.kill()
    assert stack.state(other) == "running", "it was over before the last kill, which could have harmed it"
    run = stack.wait_for_end(doomed, LIMIT_SECONDS)
    waits = waits_between(pair.database, doomed)
    unharmed = stack.wait_for_end(other, LIMIT_SECONDS)
    last = launch(stack, epochs=1)
    served = stack.wait_for_end(last, LIMIT_SECONDS)["state"] == "completed"
    least = [BACKOFF_SECONDS * 2**number for number in range(MAX_LOSSES - 1)]
    goal.tell(
        "R13",
        f"{run['state']} ({run['reason']}) after {run['losses']} losses with waits of "
        f"{' and '.join(f'{wait:.2f} s' for wait in waits)}; the other {unharmed['state']} in {unharmed['attempt']} attempt, "
        f"on {pair.backend.kind}",
        f"failed after {MAX_LOSSES} losses with waits of at least {' and '.join(f'{one:g} s' for one in least)}, no other harmed",
        held=(run["state"], run["reason"], run["losses"]) == ("failed", Reason.WORKER_LOST, MAX_LOSSES)
        and len(waits) == len(least)
        and all(wait >= wanted for wait, wanted in zip(waits, least, strict=True))
        and (unharmed["state"], unharmed["attempt"]) == ("completed", 1)
        and served,
    )


def waits_between(database: Database, run_id: int) -> list[float]:
    """Return the seconds from the end of each attempt to the start of the next."""
    with database.read() as session:
        tries = runs.attempts(session, run_id)
    return [after.started_at - (before.ended_at or math.inf) for before, after in pairwise(tries)]


def until_gone_on(stack: Stack, reached: dict[int, int]) -> None:
    """Return once each run trains and is two epochs beyond what it had reached."""

    def has_gone_on(run_id: int) -> bool:
        return stack.state(run_id) == "running" and stack.epochs_done(run_id) >= reached[run_id] + 2

    stack.until(lambda: all(map(has_gone_on, reached)), LIMIT_SECONDS)


def trains(stack: Stack, run_id: int, attempt: int) -> bool:
    run = stack.client.run(run_id)
    return run["attempt"] == attempt and run["state"] == "running" and run["progress"] is not None


@dataclass(frozen=True)
class Release:
    """A run as the store has it after its worker was stopped in the middle: `epoch` is the last that was told."""

    run_id: int
    attempt: int
    state: str
    reason: str | None
    epoch: int
    losses: int
    seconds: float

    @property
    def is_well(self) -> bool:
        return (self.state, self.reason, self.losses) == (RunState.QUEUED, Reason.DRAINED, 0)

    def repeated(self, database: Database) -> int:
        """Return how many of the epochs that were told the next attempt, which must have begun, does again."""
        with database.read() as session:
            following = runs.attempts(session, self.run_id)[self.attempt]  # they count from 1
        assert following.number == self.attempt + 1
        return self.epoch - pointers.place(following.resumed_from).epoch


def restarted(pair: Pair, run_ids: list[int]) -> list[Release]:
    """Stop both workers and start them again, while the queue is paused; return what became of their runs."""
    told_at = time.time()  # the clock of this machine, by which its databases tell the time as well
    try:
        pair.stop()  # TERM, and an assertion that all processes are gone
        return [release_of(pair.database, run_id, told_at) for run_id in run_ids]
    finally:
        pair.start()


def release_of(database: Database, run_id: int, told_at: float) -> Release:
    with database.read() as session:
        run = runs.get(session, run_id).run
        last = runs.attempts(session, run_id)[-1]
    assert last.ended_at is not None
    assert run.summary is not None
    seconds = last.ended_at - told_at
    return Release(run_id, last.number, run.state, last.reason, run.summary["epoch"], run.losses, seconds)


def test_a_drain_releases_every_run_in_time_and_uses_up_no_attempt(pair: Pair, goal: Goal) -> None:
    releases: list[Release] = []
    pair.stack.client.pause()  # both begin at the same time: none is to be over before the other trains
    try:
        ids = [launch(pair.stack, epochs=scaled(40, 150), seed=seed) for seed in range(2)]
        reached = dict.fromkeys(ids, 0)
        for _ in range(RELEASES // len(ids)):
            pair.stack.client.unpause()
            until_gone_on(pair.stack, reached)
            pair.stack.client.pause()
            releases += restarted(pair, ids)
            reached = {one.run_id: one.epoch for one in releases}  # of each run the newest counts
    finally:
        pair.stack.client.unpause()
    ended = [pair.stack.wait_for_end(run_id, LIMIT_SECONDS) for run_id in ids]
    completed = sum((run["state"], run["losses"]) == ("completed", 0) for run in ended)
    well = sum(one.is_well for one in releases)
    slowest = max(one.seconds for one in releases)
    repeated = max(one.repeated(pair.database) for one in releases)
    goal.tell(
        "R12",
        f"{well} of {RELEASES} runs released without a loss, the last after {slowest:.1f} s, {repeated} epochs repeated, "
        f"{completed} of {len(ids)} completed afterwards without one, on {pair.backend.kind}",
        f"all{f' within {DRAIN_SECONDS:g} s' if FULL else ''}, no loss, at most one checkpoint interval (an epoch here) repeated",
        held=well == len(releases) == RELEASES
        and (slowest <= DRAIN_SECONDS or not FULL)
        and repeated <= 1
        and completed == len(ids),
    )
