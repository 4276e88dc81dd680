"""The time, told by the database: workers on several hosts then agree on when a lease ends.

Times are seconds since 1970 as double precision, the same on SQLite and Postgres.
"""

from typing import Any

from sqlalchemy import Double, literal, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.sql.functions import FunctionElement


class DatabaseNow(FunctionElement[float]):
    """The database's clock, in seconds since 1970.

    A function, though written otherwise: of a bare ColumnElement SQLAlchemy makes no key for its cache, and then compiles
    each statement that asks for the time anew, which took a third of a report's processor time.
    """

    type = Double()
    inherit_cache = True


@compiles(DatabaseNow, "sqlite")
def _sqlite_now(element: DatabaseNow, compiler: Any, **kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(DatabaseNow, "postgresql")
def _postgres_now(element: DatabaseNow, compiler: Any, **kw: Any) -> str:
    # clock_timestamp, not now(): that stands still within a transaction, and ours may wait for a lock.
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


def now(session: Session) -> ColumnElement[float]:
    """Return the time as an SQL expression: the database's, or the fake one that a test put into the session."""
    fake = session.info.get("clock")
    return DatabaseNow() if fake is None else literal(float(fake()), Double())


def is_real(session: Session) -> bool:
    """Return whether `now` is the database's clock: a statement with it may then be made once, for all sessions."""
    return "clock" not in session.info


def read_now(session: Session) -> float:
    """Return the time as a number."""
    statement = _READ if is_real(session) else select(now(session))
    return float(session.execute(statement).scalar_one())


_READ = select(DatabaseNow())
