"""R11: disks without room, databases that can only be read or go away, clocks that jump, checkpoints that are broken."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, event, select
from starlette.testclient import TestClient

from backend.app import create_app
from backend.broker import Broker
from backend.client import ServiceProblem
from backend.contract import EventKind, RunState
from backend.processes import wait_until
from backend.queue import Bell
from backend.settings import Settings
from backend.store import attempts, clock, logs, pointers, runs
from backend.store.leases import LeaseWatch
from backend.store.session import STORE_AWAY, Database
from backend.store.tables import Event
from tests.backend import clients
from tests.backend.test_leases import patched_clock
from tests.chaos.backends import Backend
from tests.chaos.goals import Goal, scaled
from tests.chaos.small_disk import SmallDisk, small_disk
from tests.processes.stack import ROOT, Stack
from tests.servers import free_port
from tests.store import scenes

SHAPES = {"name": "shapes", "train_limit": 500, "test_limit": 200}
HOUR = 3600.0

FULL_DISK = "The disk of the database is full. Nothing was changed."
WAITS = "The training waits for room."
READ_ONLY = "The database can only be read. Nothing was changed."


# A disk without room, and then checkpoints that are truncated or gone: on one home, whose stack is started twice.

EPOCHS = scaled(40, 120)
FILLINGS = scaled(1, 5)


def test_what_a_full_disk_and_broken_checkpoints_hold_up_goes_on_and_ends_with_the_same_numbers(
    tmp_path: Path, goal: Goal
) -> None:
    home = tmp_path / "home"
    options = {"checkpoint_seconds": 0, "backoff_seconds": 0.1, "poll_seconds": 0.5, "workers": 2}
    with small_disk(home, 160) as disk:
        with Stack(home, **options) as stack:
            pair = [stack.launch(epochs=EPOCHS, dataset=SHAPES) for _ in range(2)]
            reach(stack, pair, 2)
            fillings, refusals, accepted = 0, 0, list[int]()
            # Whether a training comes to keep a checkpoint just while the disk is full is a matter of moments.
            while fillings < FILLINGS or not waited_for_room(stack, pair):
                refusals += full_for_a_while(stack, disk, pair[0], accepted)
                fillings += 1
                reach(stack, pair, 1 + max(stack.epochs_done(run_id) for run_id in pair))
            waited = len(waited_for_room(stack, pair))
            going_on = [stack.state(run_id) for run_id in pair]
        assert going_on == ["running"] * 2, "they were over before their checkpoints could be broken"
        broken = break_checkpoints(home, pair)
        with Stack(home, **options) as stack:
            runs = [stack.wait_for_end(run_id) for run_id in [*pair, *accepted]]
            undisturbed = stack.launch(epochs=EPOCHS, dataset=SHAPES)
            runs.append(stack.wait_for_end(undisturbed))
            expected = stack.numbers(undisturbed)
            same = sum(stack.numbers(run_id) == expected for run_id in pair)
            lines = ["\n".join(one["text"] for one in stack.client.each_log_line(run_id)) for run_id in pair]
        completed = sum(run["state"] == "completed" for run in runs)
        disk.make_read_only()
        said = what_up_says(home)
    goal.tell(
        "R11",
        f"disk full {fillings}x: {refusals} launches refused in one sentence, {waited} of {len(pair)} trainings waited for "
        f"room, {completed} of {len(runs)} runs completed",
        "every launch refused or kept, at least 1 training waited, all complete",
        held=refusals >= fillings >= FILLINGS and waited >= 1 and completed == len(runs),
    )
    stepped = [
        f"The checkpoint {broken[0].name} is truncated or changed" in lines[0]
        and f"goes back and starts from the checkpoint of epoch {broken[0].before}" in lines[0],
        f"The checkpoint {broken[1].name} is missing" in lines[1]
        and "goes back and starts from the beginning" in lines[1],
    ]
    goal.tell(
        "R11",
        f"checkpoints: one truncated, one missing with the one before it; {sum(stepped)} of 2 stepped back and said so, "
        f"{same} of 2 with the numbers of an undisturbed run",
        "all 2",
        held=all(stepped) and same == 2,
    )
    goal.tell(
        "R11",
        f"start on a read-only disk: {said!r}",
        "one sentence",
        held=said == f"RUNYARD_HOME is '{home}': this folder cannot be written to.",
    )


def reach(stack: Stack, run_ids: list[int], epoch: int) -> None:
    stack.until(lambda: all(stack.epochs_done(run_id) >= epoch for run_id in run_ids), 300)


def waited_for_room(stack: Stack, run_ids: list[int]) -> list[int]:
    """Return the runs whose trainings found no room for a checkpoint and waited; known once they have gone on."""
    return [
        run_id
        for run_id in run_ids
        if any(WAITS in line["text"] for line in stack.client.each_log_line(run_id))
    ]


def full_for_a_while(stack: Stack, disk: SmallDisk, run_id: int, accepted: list[int]) -> int:
    """Fill the disk until launches are refused and the service calls itself not ready, then make room.

    Returns how many launches were refused, each of which said so in one sentence; those that were not are `accepted`.
    """
    refused: list[ServiceProblem] = []
    disk.fill()
    use_up_the_log(stack.home, run_id)

    def is_refused() -> bool:
        try:
            accepted.append(stack.launch(epochs=1, dataset=SHAPES, seed=1 + len(accepted)))
        except ServiceProblem as problem:
            refused.append(problem)
        return len(refused) > 0

    stack.until(is_refused)
    stack.until(lambda: readiness(stack) == (503, FULL_DISK.partition(". ")[0] + "."))
    assert stack.client.run(run_id)["state"] == "running", "what is stored can be read all the time"
    assert {(problem.status, str(problem)) for problem in refused} == {(503, FULL_DISK)}
    disk.make_room()
    stack.until(lambda: readiness(stack)[0] == 200)
    return len(refused)


def use_up_the_log(home: Path, run_id: int) -> None:
    """Commit lines until that fails: SQLite's log has some room of its own left on a full disk."""
    database = Database(f"sqlite:///{home / 'runyard.db'}")
    try:
        while True:
            with database.write() as session:
                logs.append(session, run_id, ["." * 2000] * 20)
    except STORE_AWAY:
        database.dispose()


def readiness(stack: Stack) -> tuple[int, str]:
    answer = httpx.get(f"http://127.0.0.1:{stack.port}/api/ready", timeout=60, trust_env=False)
    return answer.status_code, answer.json().get("error", {}).get("message", "")


@dataclass(frozen=True)
class Broken:
    """A checkpoint that was broken, and the epoch of the one before it."""

    name: str
    before: int


def break_checkpoints(home: Path, pair: list[int]) -> list[Broken]:
    """Truncate the newest checkpoint of the first run; delete that of the second, and the one before it."""
    database = Database(f"sqlite:///{home / 'runyard.db'}")
    with database.read() as session:
        newest = [scenes.run(session, run_id).checkpoint for run_id in pair]
    database.dispose()
    truncated, gone = newest
    assert truncated and gone, "there is no checkpoint to break"
    before = [pointers.before(one) for one in newest]
    assert before[0] and before[1], "there is no checkpoint before the newest"
    state = home / "runs" / str(pair[0]) / f"{truncated['name']}.pt"
    os.truncate(state, state.stat().st_size // 2)
    for one in (gone, before[1]):
        for suffix in (".pt", ".safetensors"):
            (home / "runs" / str(pair[1]) / f"{one['name']}{suffix}").unlink()
    return [Broken(truncated["name"], before[0]["epoch"]), Broken(gone["name"], before[1]["epoch"])]


def what_up_says(home: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "backend.cli", "up", "--workers", "0"],
        cwd=ROOT,
        env={**os.environ, "RUNYARD_HOME": str(home), "RUNYARD_PORT": str(free_port())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr.strip()


# A database that can only be read.


@contextmanager
def read_only(database: Database) -> Iterator[None]:
    """Let each transaction of this database refuse to write, as one on a disk gone read-only, or a standby, does."""
    switch = "PRAGMA query_only = {}" if database.is_sqlite else "SET TRANSACTION READ ONLY"

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(switch.format(1))

    event.listen(database.engine, "begin", begin)
    try:
        yield
    finally:
        event.remove(database.engine, "begin", begin)
        # A connection of SQLite stays as it was set.
        database.dispose()


def test_a_database_that_can_only_be_read_is_told_in_one_sentence_until_it_can_be_written_again(
    settings: Settings, database: Database, goal: Goal
) -> None:
    wish = {"preset": "softmax-original", "overrides": {"epochs": 1, "dataset": SHAPES}}
    app = create_app(settings, database, Bell(Broker("redis://127.0.0.1:1/0")))
    with clients.operator(app) as client:
        ready = lambda: client.get("/api/ready")  # noqa: E731
        assert wait_until(lambda: ready().status_code == 200, 60)
        (run_id,) = client.post("/api/launches", json=wish).json()["runs"]
        with read_only(database):
            writes = [
                ("/api/launches", wish),
                (f"/api/runs/{run_id}/cancel", None),
                ("/api/queue/pause", None),
            ]
            told = [_told(client, path, body) for path, body in writes]
            assert wait_until(lambda: ready().status_code == 503, 60)
            assert ready().json()["error"]["message"] == READ_ONLY.partition(". ")[0] + "."
            assert [client.get(path).status_code for path in ("/api/runs", f"/api/runs/{run_id}", "/")] == [
                200
            ] * 3
        assert wait_until(lambda: ready().status_code == 200, 60)
        assert client.get(f"/api/runs/{run_id}").json()["state"] == "queued"
        assert client.post("/api/launches", json=wish).status_code == 201
        assert len(client.get("/api/runs").json()["runs"]) == 2
    kind = "sqlite" if database.is_sqlite else "postgres"
    clear = sum(one == (503, READ_ONLY) for one in told)
    goal.tell(
        "R11",
        f"read-only database, {kind}: {clear} of {len(told)} writes refused in one sentence, not ready meanwhile",
        "all, and nothing changed",
        held=clear == len(told),
    )


def _told(client: TestClient, path: str, body: dict[str, Any] | None) -> tuple[int, str]:
    answer = client.post(path, json=body)
    return answer.status_code, answer.json().get("error", {}).get("message", "")


# A database that is killed and started again.


@pytest.mark.full
@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_a_database_that_is_killed_in_mid_training_costs_no_run(
    backend: Backend, tmp_path: Path, goal: Goal
) -> None:
    assert backend.postgres is not None
    kills = scaled(2, 10)
    epochs = 12 * kills
    with Stack(tmp_path / "home", **backend.environment, checkpoint_seconds=0, poll_seconds=0.5) as stack:
        ids = [stack.launch(epochs=epochs, dataset=SHAPES) for _ in range(2)]
        done = 0
        for _ in range(kills):
            stack.until(lambda done=done: _epochs(stack, ids) >= done + 2, 300)
            done = _epochs(stack, ids)
            assert done < 2 * epochs, "the runs were over before the database was killed often enough"
            backend.postgres.kill()
            backend.postgres.start()
            stack.until(lambda: readiness(stack)[0] == 200, 120)
        runs = [stack.wait_for_end(run_id, 300) for run_id in ids]
        curves = [stack.numbers(run_id) for run_id in ids]
    completed = sum(run["state"] == "completed" for run in runs)
    completions = _completions(backend.postgres.url)
    goal.tell(
        "R11",
        f"database killed {kills}x in mid-training: {completed} of {len(ids)} runs completed, {completions} completions, "
        f"{sum(run['losses'] for run in runs)} losses, {'the same' if curves[0] == curves[1] else 'other'} numbers",
        "all once, with the same numbers",
        held=completed == completions == len(ids)
        and len(curves[0]["test_loss"]) == epochs
        and curves[0] == curves[1],
    )


def _epochs(stack: Stack, run_ids: list[int]) -> int:
    return sum(stack.epochs_done(run_id) for run_id in run_ids)


def _completions(url: str) -> int:
    """Return how many events tell that a run was completed."""
    database = Database(url)
    with database.read() as session:
        told = session.scalars(select(Event.payload).where(Event.kind == EventKind.STATE)).all()
    database.dispose()
    return sum(one["state"] == RunState.COMPLETED for one in told)


# Clocks that jump: told by the database, so that it is its clock which the test sets.

LEASE, TICK, BACKOFF = 60.0, 5.0, 2.0


class Workplace:
    """One run whose worker lives and renews, one whose worker is dead, one that waits after a loss; and who watches."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = 0.0
        self.ahead = 0.0
        self._watch = LeaseWatch(LEASE, BACKOFF, TICK, clock=lambda: self.now)
        with self.told():
            self.living, self.dead, self.waiting = scenes.launch(database, 3)
            claimed = [scenes.claim(database, owner) for owner in ("living", "dead", "lost")]
            self._claimed, lost = claimed[0], claimed[2]
            with database.write() as session:
                assert attempts.lose(
                    session, lost.run_id, lost.attempt, lost.owner, "It ended.", backoff_seconds=BACKOFF
                )

    def told(self) -> AbstractContextManager[None]:
        """Let the database tell the time as its clock has it."""
        return patched_clock(1e9 + self.now + self.ahead)

    def tick(self) -> bool:
        """Let time go on; return whether the living worker still owns its run."""
        self.now += TICK
        with self.told():
            self._watch.tick(self.database)
            one = self._claimed
            with self.database.write() as session:
                return attempts.renew(session, one.run_id, one.attempt, one.owner, LEASE) is not None

    def claimable(self) -> int:
        with self.told(), self.database.read() as session:
            return runs.claimable(session, clock.read_now(session))


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_clock_that_jumps_by_an_hour_takes_no_run_from_a_living_worker_and_lets_nothing_wait_for_an_hour(
    jump: float, database: Database, goal: Goal
) -> None:
    place = Workplace(database)
    kept = [place.tick() for _ in range(5)]
    place.ahead = jump
    taken_after = None
    for _ in range(40):
        kept.append(place.tick())
        if taken_after is None and scenes.state(database, place.dead) == RunState.QUEUED:
            taken_after = place.now - 5 * TICK
    claimable = place.claimable()
    kind = "sqlite" if database.is_sqlite else "postgres"
    goal.tell(
        "R11",
        f"clock {'ahead' if jump > 0 else 'back'} by an hour, {kind}: the living worker kept its run in {sum(kept)} of "
        f"{len(kept)} reports, the dead one's was back after {taken_after} s, {claimable} of 2 runs claimable",
        f"all kept, back in {3 * LEASE:.0f} s, 2 claimable",
        held=all(kept) and taken_after is not None and taken_after <= 3 * LEASE and claimable == 2,
    )
