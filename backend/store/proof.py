"""Whether the database can serve: at this version's revision, and written by a row that is taken back at once.

To look is not enough: a database that is read-only, or whose disk is full, answers every question. What is wrong is told
in sentences without addresses, users and paths, as anybody may hear them.
"""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import column, delete, insert, inspect, select, table
from sqlalchemy.exc import SQLAlchemyError

from backend.loops import Pulse
from backend.store import clock, migrate
from backend.store.session import Database
from backend.store.tables import Calibration

PROOF_SECONDS = 3.0
"""Between two proofs while all is well."""

PROBE = "a proof that the database can be written"
"""Device of a row in `calibration` that no transaction leaves behind."""

OUT_OF_REACH = "The database is out of reach."

# By what SQLite says; it has one class for all of these.
SQLITE_TROUBLES = {
    "readonly": "The database can only be read.",
    "read-only": "The database can only be read.",
    "disk is full": "The disk of the database is full.",
    "disk i/o error": "The disk of the database fails, or is full.",
    "is locked": "Another process holds the database locked.",
    "malformed": "The database is damaged: restore a backup.",
    "not a database": "The file of the database is no database: restore a backup.",
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html
POSTGRES_TROUBLES = {
    "25006": SQLITE_TROUBLES["readonly"],
    "53100": SQLITE_TROUBLES["disk is full"],
    "53300": "The database takes no more connections.",
    "57P03": "The database is starting or stopping.",
}


class StoreProof:
    """Remembers how the last proof came out. `look` is for one thread, the rest for any."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self.pulse = Pulse(clock)
        self.fault: str | None = None
        self.revision: str | None = None
        self._database = database
        # Of the code that runs: the files on the disk may be of the next version by now.
        self._wanted = migrate.newest_revision()

    def look(self) -> None:
        """Prove it again, if that is due; a fault is looked at again at each call."""
        age = self.pulse.age()
        if self.fault is None and age is not None and age < PROOF_SECONDS:
            return
        self.fault = self._find_fault()
        if self.fault is None:
            self.pulse.beat()

    def _find_fault(self) -> str | None:
        try:
            self.revision = revision(self._database)
            if self.revision != self._wanted:
                return wrong_revision(self.revision, self._wanted)
            prove_writable(self._database)
        except SQLAlchemyError as problem:
            return trouble(problem)
        return None


def revision(database: Database) -> str | None:
    """Return the revision of a database; None where it has none. Quieter and quicker than Alembic."""
    versions = table("alembic_version", column("version_num"))
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(select(versions.c.version_num)).scalar_one_or_none()


def wrong_revision(found: str | None, wanted: str) -> str:
    """Return in a sentence that a database is of another version."""
    stands = f"at revision {found}" if found else "empty"
    return f"The database is {stands}, and this version needs {wanted}."


def prove_writable(database: Database) -> None:
    """Commit a row and its deletion.

    Raises:
        SQLAlchemyError: it cannot be written.
    """
    with database.write() as session:
        session.execute(delete(Calibration).where(Calibration.device_key == PROBE))
        session.execute(insert(Calibration).values(device_key=PROBE, facts={}, at=clock.now(session)))
        session.execute(delete(Calibration).where(Calibration.device_key == PROBE))


def trouble(problem: Exception) -> str:
    """Return what is wrong with a database in a sentence that tells no secret."""
    cause: Any = getattr(problem, "orig", None) or problem
    known = POSTGRES_TROUBLES.get(getattr(cause, "sqlstate", None) or "")
    said = str(cause).lower()
    return known or next((told for part, told in SQLITE_TROUBLES.items() if part in said), OUT_OF_REACH)
