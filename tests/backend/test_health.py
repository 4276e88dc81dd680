"""Whether the service is alive and whether it can serve: GET /api/health and GET /api/ready, fault by fault.

Only what a service really meets is done to its database: it is set read-only, filled up, held, migrated further, gone.
"""

import contextlib
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from backend import vital_signs
from backend.app import create_app
from backend.broker import Broker
from backend.loops import Pulse
from backend.processes import wait_until
from backend.queue import Bell
from backend.settings import Settings
from backend.store import migrate, proof
from backend.store.proof import StoreProof, trouble
from backend.store.session import Database
from backend.vital_signs import Part, VitalSigns
from tests.backend import clients
from tests.backend.test_api import NOBODY, message
from tests.chaos.small_disk import SmallDisk, small_disk

pytestmark = pytest.mark.thorough

LIMIT_SECONDS = 120.0


@pytest.fixture(autouse=True)
def _proved_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a service notice a fault sooner than it need; its limit for silence stays."""
    monkeypatch.setattr(proof, "PROOF_SECONDS", 0.2)


@contextlib.contextmanager
def running(settings: Settings, database: Database) -> Iterator[TestClient]:
    """Run a service with its threads; its client has no login."""
    with clients.anonymous(create_app(settings, database, Bell(Broker(NOBODY)))) as client:
        assert wait_until(lambda: client.get("/api/ready").status_code == 200, LIMIT_SECONDS), said(client)
        yield client


def said(client: TestClient) -> str:
    """Return what keeps a service from being ready; "" where nothing does."""
    answer = client.get("/api/ready")
    if answer.status_code == 200:
        return ""
    assert answer.status_code == 503
    assert answer.json()["error"]["kind"] == "NotReady"
    return message(answer)


def says(client: TestClient, sentence: str) -> None:
    assert wait_until(lambda: said(client) == sentence, LIMIT_SECONDS, 0.05), said(client)
    assert client.get("/api/health").status_code == 200  # it is alive all the same


def test_a_service_that_runs_is_alive_and_ready_for_everybody(settings: Settings, database: Database) -> None:
    with running(settings, database) as client:
        told = client.get("/api/ready").json()
        assert (told["status"], told["revision"]) == ("ready", migrate.newest_revision())
        assert told["database"] == ("sqlite" if database.is_sqlite else "postgresql")
        assert max(told[f"{part}_seconds_ago"] for part in ("written", "reconciler", "stream")) < 60
        assert client.get("/api/health").json()["status"] == "ok"
        assert set(client.get("/api/health").json()) == {"status", "database", "sqlite_version", "warnings"}


def test_the_proof_leaves_nothing_behind(database: Database) -> None:
    proof.prove_writable(database)
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM calibration")).scalar_one() == 0


def test_a_service_whose_threads_were_not_started_is_alive_and_not_ready(
    settings: Settings, sqlite_database: Database
) -> None:
    client = clients.anonymous(create_app(settings, sqlite_database, Bell(Broker(NOBODY))))
    assert client.get("/api/health").status_code == 200
    assert said(client) == "The service is starting: it has not yet reached its database."


def test_a_database_that_can_only_be_read_is_not_ready_until_it_can_be_written(
    settings: Settings, sqlite_database: Database
) -> None:
    refused = True

    @event.listens_for(sqlite_database.engine, "begin")
    def _set_read_only(connection) -> None:
        connection.exec_driver_sql(f"PRAGMA query_only={'ON' if refused else 'OFF'}")

    refused = False
    with running(settings, sqlite_database) as client:
        refused = True
        says(client, "The database can only be read.")
        refused = False
        says(client, "")


@pytest.mark.postgres
def test_a_postgres_that_can_only_be_read_is_not_ready(settings: Settings, postgres) -> None:
    # One of its own: other tests write into the one that they share.
    with postgres.fresh_database() as address:
        database = Database(address)
        with running(settings, database) as client:
            name = database.url.database
            with database.write() as session:
                session.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
            database.dispose()  # connections that are open know nothing of it
            says(client, "The database can only be read.")
        database.dispose()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of 2 MB."""
    with small_disk(tmp_path / "small", 2) as mounted:
        yield mounted


def test_a_database_whose_disk_is_full_is_not_ready_until_there_is_room(
    settings: Settings, disk: SmallDisk, migrated_file: Path
) -> None:
    database = Database(f"sqlite:///{shutil.copy(migrated_file, disk.folder / 'store.db')}")
    try:
        with running(settings, database) as client:
            disk.fill()
            says(client, "The disk of the database is full.")
            disk.make_room()
            says(client, "")
    finally:
        database.dispose()


def test_a_database_of_another_version_is_not_ready(settings: Settings, sqlite_database: Database) -> None:
    with running(settings, sqlite_database) as client:
        with sqlite_database.write() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        says(client, f"The database is at revision 9999, and this version needs {migrate.newest_revision()}.")
        with sqlite_database.write() as session:
            session.execute(text("DROP TABLE alembic_version"))
        says(client, f"The database is empty, and this version needs {migrate.newest_revision()}.")


def test_a_database_that_is_away_is_not_ready_and_its_address_is_not_told(settings: Settings) -> None:
    database = Database("postgresql://somebody:a-secret@127.0.0.1:1/runs")
    looked = StoreProof(database)
    looked.look()
    assert looked.fault == "The database is out of reach."
    assert looked.pulse.age() is None
    database.dispose()


def test_a_database_that_gives_no_answer_is_told_with_how_long(
    settings: Settings, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vital_signs, "RECENT_SECONDS", 1.0)
    with running(settings, sqlite_database) as client:
        path = sqlite_database.url.database
        assert path is not None
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")  # all others wait half a minute for it
        try:
            silence = "The database has given no answer for "
            assert wait_until(lambda: said(client).startswith(silence), LIMIT_SECONDS, 0.05), said(client)
        finally:
            holder.rollback()
            holder.close()
        says(client, "")


def test_a_database_that_another_process_holds_is_told_so() -> None:
    problem = OperationalError("BEGIN IMMEDIATE", {}, sqlite3.OperationalError("database is locked"))
    assert trouble(problem) == "Another process holds the database locked."


# The parts of the service, by a clock that a test moves.


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def signs(database: Database, clock: Clock) -> VitalSigns:
    """Return the vital signs of a service that has just done everything."""
    going_on = threading.current_thread()
    found = VitalSigns(
        StoreProof(database, clock),
        Part("takes lost runs back", going_on, Pulse(clock)),
        Part("tells pages what is new", going_on, Pulse(clock)),
        Part("examines runs", going_on, Pulse(clock)),
    )
    for pulse in (found.proof.pulse, found.reconciler.pulse, found.stream.pulse):
        pulse.beat()
    assert found.faults() == []
    return found


def test_a_thread_that_hangs_is_told_with_what_it_does(sqlite_database: Database) -> None:
    clock = Clock()
    found = signs(sqlite_database, clock)
    clock.now += 11
    found.proof.pulse.beat()
    found.reconciler.pulse.beat()
    assert found.faults() == ["The thread that tells pages what is new has not gone round for 11 s."]
    found.stream.pulse.beat()
    assert found.faults() == []


def test_one_fault_of_the_database_is_told_and_not_what_follows_from_it(sqlite_database: Database) -> None:
    clock = Clock()
    found = signs(sqlite_database, clock)
    clock.now += 600
    assert found.faults() == ["The database has given no answer for 600 s."]
    found.proof.fault = "The disk of the database is full."
    assert found.faults() == ["The disk of the database is full."]


def test_a_thread_that_has_ended_makes_the_service_neither_alive_nor_ready(
    settings: Settings, sqlite_database: Database
) -> None:
    app: FastAPI = create_app(settings, sqlite_database, Bell(Broker(NOBODY)))
    with clients.anonymous(app) as client:
        assert wait_until(lambda: client.get("/api/ready").status_code == 200, LIMIT_SECONDS)
        app.state.stream.close()
        app.state.stream.join()
        sentence = "The thread that tells pages what is new has ended: restart the service."
        answer = client.get("/api/health")
        assert (answer.status_code, answer.json()["error"]["kind"]) == (503, "NotAlive")
        assert message(answer) == sentence
        assert said(client) == sentence
