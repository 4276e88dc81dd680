"""The database's clock: it tells the time, and what asks for it is compiled once."""

import time

from sqlalchemy import select, update

from backend.store import clock
from backend.store.session import Database
from backend.store.tables import Run


def test_the_clock_tells_the_time_of_day(database: Database) -> None:
    with database.read() as session:
        told = clock.read_now(session)
    assert abs(told - time.time()) < 60


def test_a_statement_that_asks_for_the_time_has_a_key_in_the_cache_of_statements(database: Database) -> None:
    with database.read() as session:
        now = clock.now(session)
    # Without one, SQLAlchemy compiles it at each execution, silently: reports took half as long again.
    for statement in (select(now), update(Run).values(lease_until=now + 60.0)):
        assert statement._generate_cache_key() is not None, statement
