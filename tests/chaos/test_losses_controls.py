"""Negative controls of test_losses.py: with workers that are not fenced and forget, the same look finds what is wrong.

Workers alone on SQLite, without a service and a broker: it is the looks of `account` that are tried here.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from backend.contract import FINAL
from backend.processes import kill_group, wait_until
from backend.store.session import Database
from backend.store.tables import Run
from tests.chaos import account
from tests.chaos.storm import Side, resume, stopped
from tests.processes.stack import ROOT
from tests.servers import free_port
from tests.store import scenes

LEASE_SECONDS = 3
WAIT_SECONDS = 180

# A network with dropout: nothing else draws from the states that a checkpoint keeps.
DROPOUT = {
    "model": {"arch": "squeezenet1_1"},
    "dataset": {"name": "shapes", "train_limit": 120, "test_limit": 40},
    "optimizer": {"lr": 0.01},
    "batch_size": 10,
    "epochs": 6,
}
LONG = {"dataset": {"name": "shapes", "train_limit": 500, "test_limit": 100}, "epochs": 40}


@contextmanager
def careless_workers(database: Database, home: Path) -> Iterator[None]:
    settings = {
        "home": home,
        "database_url": database.url.render_as_string(),
        "broker_url": f"redis://127.0.0.1:{free_port()}/0",  # nobody: they look by themselves
        "lease_seconds": LEASE_SECONDS,
        "poll_seconds": 0.5,
        "backoff_seconds": 0.1,
        "checkpoint_seconds": 0,
        "cpu_threads": 1,
    }
    environment = os.environ | {f"RUNYARD_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "tests.chaos.careless_worker"]
    home.mkdir()
    started: list[subprocess.Popen[bytes]] = []
    try:
        with (home / "workers.log").open("w") as log:
            for _ in range(2):
                worker = subprocess.Popen(
                    command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
                )
                started.append(worker)
        yield
    finally:
        for worker in started:
            # A training leads a group of its own.
            below = psutil.Process(worker.pid).children(recursive=True)
            kill_group(worker.pid)
            for process in below:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            worker.wait()


def side_in_training(database: Database, run_id: int, least_epoch: int) -> Side:
    """Return the side that trains a run, once the run has come so far."""
    found: list[Side] = []

    def look() -> bool:
        with database.read() as session:
            run = session.get_one(Run, run_id)
        there = run.owner is not None and run.checkpoint is not None
        side = Side.of(run.owner) if there and run.checkpoint["epoch"] >= least_epoch else None
        found.extend([side] if side else [])
        return side is not None

    assert wait_until(look, WAIT_SECONDS), scenes.state(database, run_id)
    return found[0]


def attempt_of(database: Database, run_id: int) -> int:
    with database.read() as session:
        return session.get_one(Run, run_id).attempt


def until_over(database: Database, run_id: int) -> None:
    assert wait_until(lambda: scenes.state(database, run_id) in FINAL, WAIT_SECONDS), account.faults(
        database, run_id
    )


@pytest.mark.timeout(900)
def test_without_fencing_a_thawed_worker_is_seen_to_write_and_without_random_states_other_numbers(
    sqlite_database: Database, tmp_path: Path
) -> None:
    database = sqlite_database
    with careless_workers(database, tmp_path / "home"):
        (undisturbed,) = scenes.launch(database, **DROPOUT)
        (killed,) = scenes.launch(database, **DROPOUT)
        side_in_training(database, killed, least_epoch=2).training.kill()
        for run_id in (undisturbed, killed):
            until_over(database, run_id)
        assert account.faults(database, killed) == []
        assert account.is_stitched(database, killed)
        assert account.curves(database, killed) != account.curves(database, undisturbed)

        (doubled,) = scenes.launch(database, **LONG)
        side = side_in_training(database, doubled, least_epoch=2)
        processes = [side.worker, side.fork_server, side.training]
        assert wait_until(lambda: stopped(processes, database, doubled), WAIT_SECONDS)
        assert wait_until(lambda: attempt_of(database, doubled) == 2, WAIT_SECONDS)
        resume(processes)
        until_over(database, doubled)
        assert wait_until(lambda: not side.fork_server.children(), WAIT_SECONDS)
        faults = account.faults(database, doubled)
        assert any("wrote after attempt 2 had begun" in fault for fault in faults), faults
