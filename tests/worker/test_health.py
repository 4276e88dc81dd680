"""How a worker's health is known: by its heartbeat in the database, and its process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from backend.store import workers
from backend.store.session import Database
from backend.store.tables import Worker
from worker.health import is_heard_of
from worker.identity import new_owner

FACTS = {"host": "here", "device": "cpu", "device_name": "CPU", "version": "0"}


def register(database: Database, worker_id: str) -> str:
    with database.write() as session:
        workers.register(session, worker_id, **FACTS)
    return worker_id


def test_a_worker_that_beats_is_well(database: Database) -> None:
    register(database, new_owner("worker"))
    assert is_heard_of(database, "worker", 15)


def test_a_worker_of_another_name_or_host_does_not_count(database: Database) -> None:
    mine = register(database, new_owner("worker"))
    assert not is_heard_of(database, "other", 15)
    with database.write() as session:
        workers.leave(session, mine)
    register(database, mine.replace("@", "@not-"))
    assert not is_heard_of(database, "worker", 15)


def test_a_worker_that_fell_silent_is_not_well(database: Database) -> None:
    mine = register(database, new_owner("worker"))
    with database.write() as session:
        found = session.get(Worker, mine)
        assert found is not None
        found.last_seen -= 20
    assert not is_heard_of(database, "worker", 15)
    assert is_heard_of(database, "worker", 30)


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere nobody is known to be dead, and the beat decides"
)
def test_a_worker_whose_process_is_gone_is_not_well_at_once(database: Database) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    register(database, new_owner("worker").replace(f":{os.getpid()}-", f":{gone.pid}-"))
    assert not is_heard_of(database, "worker", 15)


def asked(**environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "worker.health"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_the_program_tells_by_its_status_and_says_why(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    here = {"RUNYARD_DATABASE_URL": database_url, "RUNYARD_HOME": str(tmp_path), "RUNYARD_WORKER_NAME": "w"}
    assert asked(**here) == (1, "No worker 'w' was heard of here for 15 s.\n")
    register(database, new_owner("w"))
    assert asked(**here) == (0, "")


def test_a_database_that_was_not_migrated_is_told_in_a_sentence(tmp_path: Path) -> None:
    status, said = asked(
        RUNYARD_DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}", RUNYARD_HOME=str(tmp_path)
    )
    assert (status, said) == (1, "The database gives no answer: no such table: worker.\n")


def test_a_database_that_does_not_answer_is_told_in_a_sentence(tmp_path: Path) -> None:
    status, said = asked(
        RUNYARD_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", RUNYARD_HOME=str(tmp_path)
    )
    assert status == 1
    assert said.startswith("The database gives no answer: connection failed")
    assert "Traceback" not in said
