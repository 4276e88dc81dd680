"""Making a backup while everything runs: first the database as of one moment, then the files that it named then.

A backup is a folder with the database, the checkpoints that it points to, the images of imported data sets, the weights
that an operator brought, and a manifest. Not in it: the operator's token and other secrets, features and ImageNet
weights (both can be made or fetched again), generated data sets, logs, the broker's bells.

A plain copy is none. Of 10 copies of the database's file while it was written, 1 was damaged and 9 lacked what had been
committed before; of 10 with its log copied after it none was bad, by luck (tests/chaos/test_backup.py, line R15).
"""

import sqlite3
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from backend.backup import manifest, postgres
from backend.backup.belongings import Belongings
from backend.backup.files import seen, staged, sync_folders
from backend.backup.manifest import DATABASE_FILES, BackedUpFile, BackupProblem, Manifest
from backend.durable import sync
from backend.settings import Settings
from backend.store import backups, migrate
from backend.store.backups import Moment
from backend.store.session import Database
from backend.version import VERSION

MOMENTS = 5
"""A checkpoint lies there for two more of its kind; a moment that none of them was opened in has been a long one."""


def default_target() -> Path:
    """Return where a backup goes whose place was not given: a new folder here, named by the time."""
    return Path(f"runyard-backup-{datetime.now(UTC):%Y%m%d-%H%M%S}")


def make_backup(settings: Settings, target: Path, *, with_data: bool = True) -> Manifest:
    """Back up the store of these settings into the folder `target`, which appears whole or not at all.

    Raises:
        BackupProblem: one sentence; nothing is left behind.
    """
    target = target.expanduser().absolute()
    if target.exists() or target.is_symlink():
        raise BackupProblem(f"{target} is there already; name a folder that is not.")
    try:
        database = Database(settings.resolved_database_url)
        try:
            _refuse_what_cannot_be_backed_up(database)
            with staged(target.parent) as folder:
                made = _filled(settings, database, folder, with_data=with_data)
                folder.rename(target)
                sync(target.parent)
                return made
        finally:
            database.dispose()
    except SQLAlchemyError as problem:
        raise BackupProblem(f"The database could not be read: {backups.reason_of(problem)}.") from None
    except sqlite3.Error as problem:
        raise BackupProblem(f"The database could not be copied to {target}: {problem}.") from None
    except OSError as problem:
        raise BackupProblem(f"{target} could not be written: {problem.strerror or problem}.") from None


def _refuse_what_cannot_be_backed_up(database: Database) -> None:
    if database.is_sqlite and not Path(str(database.url.database)).is_file():
        raise BackupProblem(f"There is no database {database.url.database}: nothing to back up.")
    if not database.is_sqlite and (schema := backups.schema_in_use(database)) != backups.SCHEMA:
        raise BackupProblem(
            f"The database address works in the schema {schema}; a backup needs {backups.SCHEMA}."
        )
    found, wanted = migrate.current_revision(database), migrate.newest_revision()
    if found != wanted:
        raise BackupProblem(
            f"The database is {f'at revision {found}' if found else 'empty'}, and this version backs up {wanted}: "
            "use the version that made it, or bring it to this one (`runyard db upgrade`)."
        )


def _filled(settings: Settings, database: Database, folder: Path, *, with_data: bool) -> Manifest:
    copied = None
    for further in reversed(range(MOMENTS)):
        copied = copied or _copied_together(settings, database, folder, at_any_rate=not further)
    assert copied is not None
    copy, belongings = copied
    content = belongings.content
    belongings.copy_weights()
    if with_data:
        belongings.copy_datasets()
    elif content.datasets:
        belongings.left_out.append("The images of data sets, as --no-data asked.")
    made = Manifest(
        version=VERSION,
        made_at=content.at,
        kind="sqlite" if database.is_sqlite else "postgresql",
        store_id=content.store_id,
        revision=migrate.newest_revision(),
        runs=content.counts,
        files=[copy, *belongings.files],
        left_out=belongings.left_out,
    )
    (folder / manifest.NAME).write_text(made.model_dump_json(indent=1) + "\n", "utf-8")
    sync(folder / manifest.NAME)
    sync_folders(folder)
    return made


def _copied_together(
    settings: Settings, database: Database, folder: Path, *, at_any_rate: bool
) -> tuple[BackedUpFile, Belongings] | None:
    """Copy the database as of one moment and the checkpoints that it names then.

    Returns None where a training was quicker and had deleted one of them; `at_any_rate` leaves that one out.
    """
    with ExitStack() as held:
        with backups.one_moment(database) as moment:
            belongings = Belongings(settings, moment.content, folder)
            held.enter_context(belongings.holding_checkpoints())
            if belongings.came_too_late() and not at_any_rate:
                return None
            copy = _copy_database(database, moment, folder)
        # The moment is over before the long part: while it is open, the log of SQLite can only grow.
        belongings.copy_checkpoints()
        return copy, belongings


def _copy_database(database: Database, moment: Moment, folder: Path) -> BackedUpFile:
    path = folder / DATABASE_FILES["sqlite" if database.is_sqlite else "postgresql"]
    if database.is_sqlite:
        moment.copy_sqlite(path)
        if found := backups.damage(path):
            raise BackupProblem(f"The database is damaged, and so would be its copy: {found}.")
    else:
        postgres.dump(database.url, moment.exported(), path)
    sync(path)
    return seen(path, path.name)
