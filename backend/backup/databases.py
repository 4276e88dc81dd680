"""The two kinds of database as a restore meets them: a file that is renamed into its place, and a server's schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from backend.backup import postgres
from backend.backup.files import sync
from backend.backup.manifest import BackupProblem
from backend.store import backups, migrate
from backend.store.session import Database

PARTS_OF_SQLITE = ("", "-wal", "-shm")
"""What SQLite keeps beside a file that somebody had open when the machine stopped."""


class InFile:
    """A SQLite database; the one before is moved into the folder `aside` beside it."""

    kind: Literal["sqlite"] = "sqlite"

    def __init__(self, database: Database, aside: str) -> None:
        self._file = Path(str(database.url.database)).absolute()
        self._aside = self.folder / aside

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

    def prepare(self, copy: Path, made_at: float, told: str) -> int:
        """Make the copy of the backup a store of its own; return how many runs went back to the queue."""
        if found := backups.damage(copy):
            raise BackupProblem(f"The database of the backup is damaged: {found}. Nothing was changed.")
        database = Database(f"sqlite:///{copy}")
        try:
            return _begun_anew(database, made_at, told)
        finally:
            database.dispose()

    def put(self, copy: Path) -> list[str]:
        """Move the copy into its place; return where the one before is now, if there was one."""
        if problem := backups.settle(copy):
            raise BackupProblem(f"The restored database could not be written out: {problem}.")
        sync(copy)
        before = [path for suffix in PARTS_OF_SQLITE if (path := Path(f"{self._file}{suffix}")).exists()]
        for path in before:
            self._aside.mkdir(mode=0o700, exist_ok=True)
            path.rename(self._aside / path.name)
        copy.rename(self._file)
        sync(self.folder)
        return [str(self._aside)] if before else []


class OnServer:
    """A Postgres database; what was in it before gets a schema named `aside`."""

    kind: Literal["postgresql"] = "postgresql"
    folder = None

    def __init__(self, database: Database, aside: str) -> None:
        self._database = database
        self._aside = aside
        self._was_there = backups.holds_something(database)

    def what_is_there(self) -> str | None:
        return f"The store in {self._database.url.render_as_string()}" if self._was_there else None

    def refuse_if_in_use(self) -> None:
        """Raise BackupProblem where others are connected."""
        self._database.dispose()
        others = backups.others_connected(self._database)
        if others:
            raise BackupProblem(
                f"{self._database.url.render_as_string()} has {others} other connection{'s' if others > 1 else ''}; "
                "stop the services and workers that use it."
            )

    def prepare(self, copy: Path, made_at: float, told: str) -> int:
        """Load the copy and make it a store of its own; on a failure, what was there is there again."""
        backups.set_schema_aside(self._database, self._aside)
        try:
            postgres.load(self._database.url, copy)
            return _begun_anew(self._database, made_at, told)
        except BaseException:
            backups.put_schema_back(self._database, self._aside)
            raise

    def put(self, copy: Path) -> list[str]:
        """Return where what was there before is now, if there was something; it is in its place already."""
        if self._was_there:
            return [f"the schema {self._aside}"]
        backups.drop_empty_schema(self._database, self._aside)
        return []


@contextmanager
def in_place(url: str, aside: str) -> Iterator[InFile | OnServer]:
    """Yield the database of an address, as a restore meets it."""
    database = Database(url)
    try:
        yield InFile(database, aside) if database.is_sqlite else OnServer(database, aside)
    finally:
        database.dispose()


def _begun_anew(database: Database, made_at: float, told: str) -> int:
    migrate.upgrade(database)
    with database.write() as session:
        return backups.begin_anew(session, made_at, told)
