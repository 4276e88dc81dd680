"""The database: one engine, and two kinds of session, for reading and for writing.

SQLAlchemy's defaults on SQLite lost 19 to 29% of read-then-write updates without an error, because
pysqlite begins its transactions late. Here a writing transaction begins with BEGIN IMMEDIATE: it waits
for the write lock first and reads afterwards.
"""

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from backend.errors import InvalidSetting
from backend.store import events

if TYPE_CHECKING:
    import psycopg

STORE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
"""What is raised while the database is away, locked, full or overrun: it may go well in a moment.

The other errors of a database (a value that it cannot hold, say) come back however often they are tried.
"""

BUSY_TIMEOUT_MS = 30_000
LOOKS_AGAIN_SECONDS = (0.001, 0.004)
"""How soon a writer looks again whether it may begin; not all in step."""

WAL_SECONDS = 10.0

# More connections than the server has threads: none waits for one while it holds another's turn.
POOL: dict[str, Any] = {"pool_size": 10, "max_overflow": 40, "pool_timeout": 10}

SILENT_MS = 15_000
"""Postgres ends a transaction in which nothing was said for so long, and lets go of its locks.

It is one of a process that hangs, or of a machine that is gone, which the server itself finds out after two hours.
Until then its run could not be taken from it, and where it was about to append events nobody else could.
"""

READ_ONLY = "25006"
"""SQLSTATE of a write to a standby, or to a database that was set read-only."""

# A server that fell silent is noticed within seconds, not after the kernel's quarter of an hour.
POSTGRES_PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


class Database:
    """An engine and its sessions. Threads may share it; processes may not (see `dispose`)."""

    def __init__(self, url: str) -> None:
        self.url = _checked(url)
        self.engine = _engine(self.url)
        writing = self.engine.execution_options(writes=True)
        self._read = sessionmaker(self.engine, expire_on_commit=False)
        self._write = sessionmaker(writing, expire_on_commit=False)
        event.listen(self._write, "before_commit", events.append_pending)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Yield a session that sees one state of the database (on SQLite) and writes nothing."""
        with self._read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Yield a session in a writing transaction; commit at the end, roll back on an error."""
        with self._write.begin() as session:
            yield session

    @contextmanager
    def write_connection(self) -> Iterator[Connection]:
        """Yield a bare connection in a writing transaction, for migrations."""
        with self.engine.execution_options(writes=True).begin() as connection:
            yield connection

    def dispose(self) -> None:
        """Close all connections: at the end, and in a forked child before its first use."""
        self.engine.dispose()


def _checked(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        raise InvalidSetting(
            "RUNYARD_DATABASE_URL is not a database address; write sqlite:///FILE or postgresql://USER@HOST/NAME."
        ) from None
    backend = url.get_backend_name()
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite" or not url.database or url.database == ":memory:":
        raise InvalidSetting(
            f"RUNYARD_DATABASE_URL names {url.render_as_string()}; "
            "write sqlite:///FILE (a file: processes share it) or postgresql://USER@HOST/NAME."
        )
    return url


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        engine = create_engine(url, pool_pre_ping=True, connect_args=POSTGRES_PATIENCE, **POOL)
        event.listen(engine, "connect", _prepare_postgres)
        event.listen(engine, "handle_error", _call_it_away)
        return engine
    assert url.database
    if not url.database.startswith("file:"):  # an address, as of a store that is only to be read
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    arguments = {"isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1000}
    engine = create_engine(url, connect_args=arguments, **POOL)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_postgres(connection: "psycopg.Connection", _record: Any) -> None:
    # Said, not an option of the connection: one that the address names must stay as it is.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, false)", (str(SILENT_MS),)
        )
    connection.commit()


def _call_it_away(context: ExceptionContext) -> None:
    """Have an ended session, and a server that takes no writes just now, count as STORE_AWAY.

    What was said in such a session may be said again in another.
    """
    problem = context.original_exception
    # psycopg calls both an error within the transaction, not one of the connection or of the server.
    if not isinstance(context.sqlalchemy_exception, InternalError):
        return
    if context.is_disconnect or getattr(problem, "sqlstate", None) == READ_ONLY:
        raise OperationalError(
            context.statement, None, problem, connection_invalidated=context.is_disconnect
        ) from problem


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    cursor = connection.cursor()
    _switch_to_wal(cursor)
    # NORMAL: in WAL mode the database stays sound at a power cut; the last moments may be lost, and the
    # checkpoint of the run then brings them back.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """Make a new file a WAL file. SQLite does not wait by itself where several processes do so at once."""
    end = time.monotonic() + WAL_SECONDS
    while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    if not connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql("BEGIN")
        return
    _await_turn(connection)


def _await_turn(connection: Connection) -> None:
    """Begin to write as soon as nobody else does; wait at most as long as SQLite itself would.

    SQLite's own wait looks ever more seldom, in the end ten times a second, so that who waits longest is served last:
    sixteen trainings that kept the store busy for two thirds of the time made one in a hundred wait for a second.
    """
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    began = time.monotonic()
    driver.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as problem:
                waited = time.monotonic() - began
                if problem.sqlite_errorcode != sqlite3.SQLITE_BUSY or waited > BUSY_TIMEOUT_MS / 1000:
                    break
                time.sleep(random.uniform(*LOOKS_AGAIN_SECONDS))
            else:
                return
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # once more, to fail as any other statement does
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
