"""Bringing the schema to the revision that this code knows, by Alembic, one process at a time."""

import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from backend.errors import Unavailable
from backend.store.session import STORE_AWAY, Database

MIGRATE_LOCK = 0x52756E7A


def upgrade(database: Database) -> None:
    """Migrate to the newest revision. Processes that call it at the same time wait for one another.

    Raises:
        Unavailable: a newer version of this program has migrated it further.
    """
    # SQLite's BEGIN IMMEDIATE is the lock there; on Postgres it is this one, gone with the transaction.
    with database.write_connection() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATE_LOCK})
        config = _config()
        _refuse_a_newer_database(config, connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _refuse_a_newer_database(config: Config, connection: Connection) -> None:
    found = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise Unavailable(
            f"The database is at revision {found}, made by a newer version of Runyard; "
            f"this one knows {newest_revision()} at most: use the newer version."
        )


def newest_revision() -> str:
    """Return the revision that this code knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def current_revision(database: Database) -> str | None:
    """Return the revision of the database; None where it was never migrated."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def wait_for_revision(database: Database, limit_seconds: float) -> None:
    """Return once the database is at the revision that this code knows.

    Raises:
        Unavailable: it was not in time; the sentence says what it is and what it should be.
    """
    wanted, found = newest_revision(), None
    end = time.monotonic() + limit_seconds
    while True:
        try:
            found = current_revision(database)
        except STORE_AWAY as problem:
            found = f"out of reach ({str(getattr(problem, 'orig', problem)).strip().splitlines()[0]})"
        if found == wanted:
            return
        if time.monotonic() > end:
            raise Unavailable(
                f"The database is {found or 'empty'}, this code needs revision {wanted}: "
                "run `runyard db upgrade` (or start the API on SQLite)."
            )
        time.sleep(0.2)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
