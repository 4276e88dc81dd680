"""What a backup takes from the database, all as of one moment, and how a restored database begins anew."""

import contextlib
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from sqlalchemy import case, delete, select, text, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from backend.contract import FINAL, OWNED, Reason, RunState
from backend.store import attempts, clock, events, launches, logs, runs
from backend.store.session import Database
from backend.store.tables import Attempt, DatasetRow, Run, Store, Token, WeightsRow, Worker

IN_USE = "another program has it open"
SCHEMA = "public"
"""Where a store is in a Postgres database."""


@dataclass(frozen=True)
class KeptRun:
    """A run with a checkpoint. `checkpoint` is as `pointers.py` says."""

    id: int
    state: RunState
    checkpoint: dict[str, Any]

    @property
    def is_over(self) -> bool:
        return self.state in FINAL


@dataclass(frozen=True)
class Content:
    """What the database says of itself and of the files that belong to it."""

    store_id: str
    at: float
    """By the database's clock."""
    counts: dict[str, int]
    """Runs by state."""
    kept_runs: list[KeptRun]
    """Those whose checkpoints a training may replace at any time come first."""
    datasets: list[tuple[str, str]]
    """Names and hashes of all contents that were ever imported."""
    weights: list[tuple[str, str, str]]
    """Architecture, name and SHA-256 of the files that an operator brought; those of ImageNet can be fetched again."""


class Moment:
    """One state of the database, which does not change while this is open, whatever others write."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.content = _content(session)

    def copy_sqlite(self, target: Path) -> None:
        """Copy this very state into a new SQLite file, by SQLite itself; writers go on meanwhile.

        Raises:
            sqlite3.Error: the disk is full, say.
        """
        source = cast("sqlite3.Connection", self._session.connection().connection.driver_connection)
        with contextlib.closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            # One plain file: without this, whoever opens it to look makes two more beside it.
            copy.execute("PRAGMA journal_mode=DELETE")

    def exported(self) -> str:
        """Return the name under which another connection sees this very state (Postgres)."""
        return self._session.execute(text("SELECT pg_export_snapshot()")).scalar_one()


@contextmanager
def one_moment(database: Database) -> Iterator[Moment]:
    """Yield the database as it is now, whatever is written meanwhile."""
    with database.read() as session:
        if not database.is_sqlite:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            # It says nothing while pg_dump works, and must not be taken for one that hangs.
            session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        yield Moment(session)


def damage(file: Path) -> str | None:
    """Return what SQLite finds wrong with a database file; None where it is sound."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as connection:
            found = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as problem:
        return str(problem)
    return None if found == "ok" else found.splitlines()[0]


def settle(file: Path) -> str | None:
    """Write the log of a SQLite file into it, so that the file alone is the database; return why that cannot be."""
    try:
        with contextlib.closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as connection:
            # In this mode it waits for nobody: whoever else has the file open is found.
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError as problem:
        return IN_USE if "locked" in str(problem) else str(problem)
    except sqlite3.DatabaseError as problem:
        return str(problem)
    return None


def others_connected(database: Database) -> int:
    """Return how many other connections there are to a Postgres database."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    with database.engine.connect() as connection:
        return connection.execute(query).scalar_one()


def schema_in_use(database: Database) -> str | None:
    """Return the schema that a Postgres database works in: another than SCHEMA where its address says so."""
    with database.engine.connect() as connection:
        return connection.execute(text("SELECT current_schema()")).scalar_one()


def has_schema(database: Database, name: str) -> bool:
    query = text("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = :name)")
    with database.engine.connect() as connection:
        return connection.execute(query, {"name": name}).scalar_one()


def holds_something(database: Database) -> bool:
    """Return whether there are tables or the like in the schema of a Postgres database, ours or not."""
    query = text("SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('public'))")
    with database.engine.connect() as connection:
        return connection.execute(query).scalar_one()


def set_schema_aside(database: Database, name: str) -> None:
    """Give all that is in a Postgres database another schema, and make an empty one in its place."""
    with database.write_connection() as connection:
        connection.execute(text(f'ALTER SCHEMA public RENAME TO "{name}"'))
        connection.execute(text("CREATE SCHEMA public"))


def put_schema_back(database: Database, name: str) -> None:
    """Undo `set_schema_aside`."""
    with database.write_connection() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text(f'ALTER SCHEMA "{name}" RENAME TO public'))


def drop_empty_schema(database: Database, name: str) -> bool:
    """Drop what `set_schema_aside` set aside; return False, and leave it, where there is something in it, as a function."""
    try:
        with database.write_connection() as connection:
            connection.execute(text(f'DROP SCHEMA "{name}" RESTRICT'))
    except DBAPIError:
        return False
    return True


def reason_of(problem: SQLAlchemyError) -> str:
    """Return the first line of what the database, or the engine, said."""
    return str(getattr(problem, "orig", None) or problem).strip().splitlines()[0].rstrip(".")


def begin_anew(session: Session, made_at: float, told: str) -> int:
    """Make a restored database one of its own; return how many runs went back to the queue.

    `made_at` is when the backup was made, by the database's clock then; `told` says so in a sentence. Pages with a cursor of
    the store that was backed up load everything again, as its id is another. The workers of that moment are no part of
    this store: nobody waits for their leases, and no loss is counted.
    """
    session.execute(update(Store).values(id=uuid.uuid4().hex))
    session.execute(delete(Worker))
    under_way = [(run.id, run.attempt, run.owner, run.state) for run in runs.owned(session)]
    for run_id, attempt, owner, _ in under_way:
        assert owner is not None
        attempts.release(session, run_id, attempt, owner, Reason.RESTORED, told)
        # It trained no longer than until then, as far as this store knows.
        until = case((Attempt.started_at > made_at, Attempt.started_at), else_=made_at)
        session.execute(
            update(Attempt).where(Attempt.run_id == run_id, Attempt.number == attempt).values(ended_at=until)
        )
        logs.append(session, run_id, [told])
    return sum(state == RunState.RUNNING for *_, state in under_way)


def forget_tokens(session: Session) -> list[str]:
    """Delete the further tokens of a restored store; return their names.

    Among them may be some that were revoked since the backup was made, and nobody would notice that they open the gate again.
    """
    names = list(session.scalars(select(Token.name).order_by(Token.name)))
    session.execute(delete(Token))
    return names


def _content(session: Session) -> Content:
    by_haste = case((Run.state.in_(OWNED), 0), (Run.state.in_(FINAL), 2), else_=1)
    kept = select(Run.id, Run.state, Run.checkpoint).where(Run.checkpoint.is_not(None))
    brought = select(WeightsRow.arch, WeightsRow.name, WeightsRow.sha256).where(WeightsRow.source == "file")
    return Content(
        store_id=events.store_id(session),
        at=clock.read_now(session),
        counts=launches.count_by_state(session),
        kept_runs=[
            KeptRun(run_id, RunState(state), checkpoint)
            for run_id, state, checkpoint in session.execute(kept.order_by(by_haste, Run.id))
            if checkpoint is not None
        ],
        datasets=[
            (name, digest)
            for name, digest in session.execute(
                select(DatasetRow.name, DatasetRow.hash).order_by(DatasetRow.id)
            )
        ],
        weights=[(arch, name, sha256) for arch, name, sha256 in session.execute(brought)],
    )
