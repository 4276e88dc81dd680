"""The database: one engine, and two kinds of session, for reading and for writing.

SQLAlchemy's defaults on SQLite lost 19 to 29% of read-then-write updates without an error, because
pysqlite begins its transactions late. Here a writing transaction begins with BEGIN IMMEDIATE: it waits
for the write lock first and reads afterwards.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session, sessionmaker

from backend.errors import InvalidSetting
from backend.store import events

BUSY_TIMEOUT_MS = 30_000


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
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 5})
    assert url.database
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # NORMAL: in WAL mode the database stays sound at a power cut; the last moments may be lost, and the
    # checkpoint of the run then brings them back.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
