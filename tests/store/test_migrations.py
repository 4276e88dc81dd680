"""The migrations make just the tables that the code knows, on both databases, also when several begin at once."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from backend.errors import InvalidSetting, Unavailable
from backend.store import events, migrate
from backend.store.session import Database
from backend.store.tables import Base
from tests.store import scenes


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
        yield database
        database.dispose()
        return
    with request.getfixturevalue("postgres").fresh_database(migrated=False) as url:
        database = Database(url)
        yield database
        database.dispose()


def test_the_migrated_schema_is_the_schema_of_the_code(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


def test_several_processes_may_migrate_at_once(empty_database: Database) -> None:
    problems: list[Exception] = []

    def upgrade() -> None:
        try:
            migrate.upgrade(empty_database)
        except Exception as problem:  # noqa: BLE001 - told below, in the main thread
            problems.append(problem)

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert migrate.current_revision(empty_database) == migrate.newest_revision()
    with empty_database.read() as session:
        assert len(events.store_id(session)) == 32


def test_a_database_may_be_downgraded_and_upgraded_again(database: Database) -> None:
    parent = scenes.launch(database)[0]
    child = scenes.launch_child(database, parent)
    with database.write_connection() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    migrate.upgrade(database)
    with database.read() as session:
        assert scenes.run(session, child).parent_run_id is None
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_whoever_waits_for_a_revision_is_told_which_command_makes_it(empty_database: Database) -> None:
    with pytest.raises(Unavailable, match="runyard db upgrade"):
        migrate.wait_for_revision(empty_database, limit_seconds=0.1)


@pytest.mark.parametrize("url", ["mysql://localhost/x", "nonsense", "sqlite://", "sqlite:///:memory:"])
def test_an_address_that_cannot_work_is_refused_in_one_sentence(url: str) -> None:
    with pytest.raises(InvalidSetting, match="RUNYARD_DATABASE_URL"):
        Database(url)
