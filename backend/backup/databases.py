"""The two kinds of database as a restore meets them: a file that is renamed into its place, and a server's schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from backend.backup import postgres
from backend.backup.manifest import BackupProblem
from backend.backup.moves import Moves
from backend.durable import sync
from backend.processes import wait_until
from backend.store import backups, migrate
from backend.store.session import Database

PARTS_OF_SQLITE = ("", "-wal", "-shm", "-journal")
"""What SQLite keeps beside a file that somebody had open when the machine stopped."""

CLOSING_SECONDS = 2.0
"""A server names a connection for a moment longer than the one who closed it."""


@dataclass(frozen=True)
class Begun:
    """How many runs went back to the queue, and the names of the tokens that were forgotten."""

    requeued: int
    tokens: list[str]


class InFile:
    """A SQLite database; the one before is moved into the folder `aside` beside it."""

    kind: Literal["sqlite"] = "sqlite"

    def __init__(self, database: Database, aside: str) -> None:
        self._file = Path(str(database.url.database)).absolute()
        self._aside = self.folder / aside
        self._moved = False

    @property
    def folder(self) -> Path:
        return self._file.parent

    def what_is_there(self) -> str | None:
        return str(self._file) if self._file.exists() else None

    def refuse_if_in_use(self) -> None:
        """Raise BackupProblem where another program has the database open; a damaged one may be replaced."""
        problem = backups.settle(self._file) if self._file.exists() else None
        if problem == backups.IN_USE:
            raise BackupProblem(f"{self._file}: {problem}; stop the services and workers that use it.")

    def prepare(self, copy: Path, made_at: float, told: str) -> Begun:
        """Make the copy of the backup a store of its own; nothing else is touched."""
        if found := backups.damage(copy):
            raise BackupProblem(f"The database of the backup is damaged: {found}. Nothing was changed.")
        database = Database(str(URL.create("sqlite", database=str(copy))))
        try:
            return _begun_anew(database, made_at, told)
        finally:
            database.dispose()

    def set_aside(self, moves: Moves) -> None:
        """Move away the database that is there, unless somebody has opened it since."""
        self.refuse_if_in_use()
        for path in (Path(f"{self._file}{suffix}") for suffix in PARTS_OF_SQLITE):
            if path.exists():
                moves.move(path, self._aside / path.name)
                self._moved = True

    def put(self, copy: Path, moves: Moves) -> list[str]:
        """Move the copy into its place; return where the one before is now, if there was one."""
        if problem := backups.settle(copy):
            raise BackupProblem(f"The restored database could not be written out: {problem}.")
        sync(copy)
        moves.move(copy, self._file)
        sync(self.folder)
        return [str(self._aside)] if self._moved else []

    def put_back(self) -> None:
        """Nothing beside the moves was done."""

    def kept_as(self, aside: str) -> list[str]:
        """Return where a restore that was cut off set the database aside."""
        return [str(self.folder / aside)] if (self.folder / aside).is_dir() else []


class OnServer:
    """A Postgres database; what was in it before gets a schema named `aside`."""

    kind: Literal["postgresql"] = "postgresql"
    folder = None

    def __init__(self, database: Database, aside: str) -> None:
        self._database = database
        self._aside = aside
        self._is_aside = False
        if (schema := backups.schema_in_use(database)) != backups.SCHEMA:
            raise BackupProblem(
                f"The database address works in the schema {schema}; a restore needs {backups.SCHEMA}."
            )
        self._was_there = backups.holds_something(database)

    def what_is_there(self) -> str | None:
        return f"The store in {postgres.told(self._database.url)}" if self._was_there else None

    def refuse_if_in_use(self) -> None:
        """Raise BackupProblem where others are connected."""
        self._database.dispose()
        if wait_until(lambda: not backups.others_connected(self._database), CLOSING_SECONDS):
            return
        others = backups.others_connected(self._database)
        if others:
            raise BackupProblem(
                f"{postgres.told(self._database.url)} has {others} other connection{'s' if others > 1 else ''}; "
                "stop the services and workers that use it."
            )

    def prepare(self, copy: Path, made_at: float, told: str) -> Begun:
        """Load the copy and make it a store of its own; on a failure, what was there is there again."""
        self.refuse_if_in_use()
        backups.set_schema_aside(self._database, self._aside)
        self._is_aside = True
        try:
            postgres.load(self._database.url, copy)
            return _begun_anew(self._database, made_at, told)
        except BaseException:
            self.put_back()
            raise

    def set_aside(self, moves: Moves) -> None:
        """Nothing: `prepare` did."""

    def put(self, copy: Path, moves: Moves) -> list[str]:
        """Return where what was there before is now, if there was something; it is in its place already."""
        if self._was_there or not backups.drop_empty_schema(self._database, self._aside):
            return [f"the schema {self._aside}"]
        return []

    def put_back(self) -> None:
        """Drop what was loaded, and give what was there its name again."""
        if not self._is_aside:
            return
        try:
            backups.put_schema_back(self._database, self._aside)
        except SQLAlchemyError as problem:
            raise BackupProblem(
                f"What was in the database before is in the schema {self._aside}, and could not be put back: "
                f"{backups.reason_of(problem)}."
            ) from None
        self._is_aside = False

    def kept_as(self, aside: str) -> list[str]:
        """Return where a restore that was cut off set aside what was in the database."""
        return [f"the schema {aside}"] if backups.has_schema(self._database, aside) else []


@contextmanager
def in_place(url: str, aside: str) -> Iterator[InFile | OnServer]:
    """Yield the database of an address, as a restore meets it."""
    database = Database(url)
    try:
        yield InFile(database, aside) if database.is_sqlite else OnServer(database, aside)
    finally:
        database.dispose()


def _begun_anew(database: Database, made_at: float, told: str) -> Begun:
    migrate.upgrade(database)
    with database.write() as session:
        return Begun(backups.begin_anew(session, made_at, told), backups.forget_tokens(session))
