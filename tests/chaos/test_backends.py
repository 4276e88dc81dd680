"""The servers of chaos tests themselves: they come back from `kill -9` with what they held."""

from pathlib import Path

from backend.store import migrate
from backend.store.session import Database
from tests.chaos.backends import backend_of


def test_a_killed_database_comes_back_on_its_port_with_what_it_held(tmp_path: Path) -> None:
    with backend_of("postgres", tmp_path / "servers") as backend:
        assert backend.postgres is not None
        for _ in range(2):
            backend.postgres.kill()
            backend.postgres.start()
            database = Database(backend.postgres.url)
            assert migrate.current_revision(database) == migrate.newest_revision()
            database.dispose()
