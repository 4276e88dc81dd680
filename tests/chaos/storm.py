"""A storm over runs in training: `kill -9` and SIGSTOP, at moments and on processes that a seed draws.

It spares a run that made no checkpoint since its last loss: three of them in a row would make it fail, as is right.
Each kill and freeze is followed until what it did is seen in the store, and counts only then. It must not know
what is trained, nor judge how it ended.
"""

import contextlib
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psutil
import psycopg
from sqlalchemy import select

from backend.contract import Reason, RunState
from backend.processes import wait_until
from backend.store.events import APPEND_LOCK
from backend.store.session import Database
from backend.store.tables import Attempt, Run

MOST_HITS = 2
"""Of one run: the storm is to reach many."""
EPOCHS_TO_GO = 2
"""A run with fewer left may be over before the signal comes."""
LONGEST_PAUSE_SECONDS = 2.0
"""Between two kills, so that they are spread over all that is trained meanwhile."""
FREE_SECONDS = 0.7
REFUSED = "another attempt owns the run by now"
"""What a worker logs whose last word on a run came too late."""


@dataclass(frozen=True)
class Side:
    """All of one worker: its process, its fork server, and the training below that."""

    worker: psutil.Process
    fork_server: psutil.Process
    training: psutil.Process

    @classmethod
    def of(cls, owner: str) -> "Side | None":
        """Return the side of a worker, by its id; None while it is not complete."""
        found = re.search(r":(\d+)-[0-9a-f]{8}-", owner)
        assert found, owner
        try:
            worker = psutil.Process(int(found[1]))
            (fork_server,) = [p for p in worker.children() if "forkserver" in " ".join(p.cmdline())]
            (training,) = fork_server.children()
        except (psutil.NoSuchProcess, ValueError):
            return None
        return cls(worker, fork_server, training)


@dataclass(frozen=True)
class Victim:
    """An attempt of a run in training, with the processes that it lives on."""

    run_id: int
    attempt: int
    owner: str
    side: Side


@dataclass
class Freeze:
    """Stopped processes, and how far the store is with what they held."""

    kind: str
    victim: Victim
    processes: Sequence[psutil.Process]
    refusals_before: int
    lost: bool = False
    thawed: bool = False


class Storm:
    """Kills and freezes what `run_ids` are trained by, until all that was planned is done. Call `blow` again and again.

    Kinds of kills are "training", "fork server" and "worker"; of freezes "training" and "side", all of a worker.
    """

    def __init__(
        self,
        database: Database,
        logs: Path,
        chance: Random,
        *,
        run_ids: Sequence[int],
        kills: Sequence[str],
        freezes: Sequence[str],
    ) -> None:
        self._database = database
        self._logs = logs
        self._chance = chance
        self._run_ids = run_ids
        self._kills_left = _shuffled(kills, chance)
        self._freezes_left = _shuffled(freezes, chance)
        self._hits: Counter[int] = Counter()
        self._freeze: Freeze | None = None
        self._killed: tuple[str, Victim] | None = None
        self._calm_until = 0.0
        self.kills: Counter[str] = Counter()
        """Those that cost an attempt, by kind."""
        self.freezes: Counter[str] = Counter()
        self.refusals = 0
        """Late words of thawed workers that the store refused."""

    def blow(self) -> bool:
        """Do what can be done now; return whether all is done."""
        if self._killed is not None:
            self._follow_kill(*self._killed)
        elif self._kills_left and time.monotonic() > self._calm_until:
            self._kill()
        if self._freeze is not None:
            self._follow_freeze(self._freeze)
        elif self._freezes_left:
            self._begin_freeze(self._freezes_left[-1])
        return not (self._kills_left or self._freezes_left or self._killed or self._freeze)

    def end(self) -> None:
        """Let go of what is stopped, however the storm ended."""
        if self._freeze is not None:
            resume(self._freeze.processes)

    def _kill(self) -> None:
        kind = self._kills_left[-1]
        if self._freeze is not None and kind != "training":
            # The worker that is left must take over what the frozen one held.
            if "training" not in self._kills_left:
                return
            self._kills_left.remove("training")
            self._kills_left.append(kind := "training")
        victim = self._victim()
        if victim is None:
            return
        process = getattr(victim.side, kind.replace(" ", "_"))
        try:
            process.kill()
        except psutil.NoSuchProcess:
            return
        self._killed = (self._kills_left.pop(), victim)

    def _follow_kill(self, kind: str, victim: Victim) -> None:
        reason = self._ended_by(victim)
        if reason is None:
            return
        if reason == Reason.WORKER_LOST:
            self.kills[kind] += 1
            self._hits[victim.run_id] += 1
        else:
            self._kills_left.append(kind)  # it ended by itself at the same moment
        self._killed = None
        self._calm_until = time.monotonic() + self._chance.uniform(0, LONGEST_PAUSE_SECONDS)

    def _begin_freeze(self, kind: str) -> None:
        victim = self._victim()
        if victim is None:
            return
        side = victim.side
        processes = [side.training] if kind == "training" else [side.worker, side.fork_server, side.training]
        before = self._refusals()
        if not stopped(processes, self._database, victim.run_id):
            return
        self._freezes_left.pop()
        self._freeze = Freeze(kind, victim, processes, before)

    def _follow_freeze(self, freeze: Freeze) -> None:
        """Wait for the loss, then for another to take over, then thaw and wait for the refusal of the late report."""
        victim = freeze.victim
        if not freeze.lost:
            reason = self._ended_by(victim)
            freeze.lost = reason == Reason.WORKER_LOST
            if reason not in (None, Reason.WORKER_LOST):  # it had told its verdict a moment before
                resume(freeze.processes)
                self._freezes_left.append(freeze.kind)
                self._freeze = None
        elif not freeze.thawed:
            attempt, owner = self._owner_of(victim.run_id)
            if attempt > victim.attempt:
                assert freeze.kind == "training" or owner != victim.owner, "a frozen worker claimed a run"
                resume(freeze.processes)
                freeze.thawed = True
        elif self._refusals() > freeze.refusals_before:
            self.refusals += self._refusals() - freeze.refusals_before
            self.freezes[freeze.kind] += 1
            self._hits[victim.run_id] += 1
            self._freeze = None

    def _victim(self) -> Victim | None:
        """Return an attempt, drawn by chance, that may be lost without its run failing by that."""
        busy = {self._freeze.victim.run_id} if self._freeze else set()
        if self._killed:
            busy.add(self._killed[1].run_id)
        query = (
            select(Run)
            .where(Run.id.in_(self._run_ids), Run.id.not_in(busy), Run.state == RunState.RUNNING)
            .where(Run.losses == 0, Run.checkpoint.is_not(None))
            .order_by(Run.id)
        )
        with self._database.read() as session:
            found = [run for run in session.scalars(query) if self._may_be_hit(run)]
        if not found:
            return None
        run = self._chance.choice(found)
        assert run.owner is not None
        side = Side.of(run.owner)
        # Only now is it sure that what was found below the worker is this attempt's, and not that of its next run.
        if side is None or self._owner_of(run.id) != (run.attempt, run.owner):
            return None
        return Victim(run.id, run.attempt, run.owner, side)

    def _may_be_hit(self, run: Run) -> bool:
        assert run.checkpoint is not None
        return self._hits[run.id] < MOST_HITS and run.checkpoint["epoch"] <= run.epochs - EPOCHS_TO_GO

    def _ended_by(self, victim: Victim) -> str | None:
        with self._database.read() as session:
            attempt = session.get_one(Attempt, (victim.run_id, victim.attempt))
            return attempt.reason if attempt.ended_at is not None else None

    def _owner_of(self, run_id: int) -> tuple[int, str | None]:
        with self._database.read() as session:
            run = session.get_one(Run, run_id)
            return run.attempt, run.owner

    def _refusals(self) -> int:
        return sum(log.read_text(errors="replace").count(REFUSED) for log in self._logs.glob("worker-*.log"))


def stopped(processes: Sequence[psutil.Process], database: Database, run_id: int) -> bool:
    """Stop processes; let them go on and return False where they hold a lock that others need, or have ended.

    On SQLite one that is stopped within a transaction keeps all others from writing; on Postgres it keeps its
    run until the server cuts it off. That is another case than a lease that ends.
    """
    try:
        for process in processes:
            process.suspend()
    except psutil.NoSuchProcess:
        resume(processes)
        return False
    if wait_until(lambda: _is_free(database, run_id), FREE_SECONDS):
        return True
    resume(processes)
    return False


def resume(processes: Sequence[psutil.Process]) -> None:
    """Let stopped processes go on, those that are still there."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()


def _is_free(database: Database, run_id: int) -> bool:
    if database.is_sqlite:
        return _takes_sqlite(str(database.url.database))
    address = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return _takes_postgres(address, run_id)


def _takes_sqlite(path: str) -> bool:
    connection = sqlite3.connect(path, timeout=FREE_SECONDS, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return True


def _takes_postgres(address: str, run_id: int) -> bool:
    try:
        with psycopg.connect(address) as connection:
            connection.execute("SELECT 1 FROM run WHERE id = %s FOR UPDATE NOWAIT", (run_id,))
            taken = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (APPEND_LOCK,)).fetchone()
            return taken == (True,)
    except psycopg.errors.LockNotAvailable:
        return False


def _shuffled(kinds: Sequence[str], chance: Random) -> list[str]:
    return chance.sample(list(kinds), len(kinds))
