"""What the tests stand on: databases of both kinds, settings of their own, and the rule for what may be skipped."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from backend.settings import Settings
from backend.store import migrate
from backend.store.session import Database
from tests.servers import TestPostgres, postgres_for_tests

SHARED = Path(__file__).parents[2] / "shared"
TOKEN = "the-operator's-token-for-tests-0123456789"
"""Opens every service that a test makes from `settings`: see tests/backend/clients.py."""

# Workers of tests measure no device, unless a test asks for it: it takes every core for some seconds.
os.environ.setdefault("RUNYARD_CALIBRATE", "false")


def unavailable(what: str, why: str) -> None:
    """Skip, or fail where RUNYARD_TEST_REQUIRE names it: CI must not pass by skipping."""
    if what in os.environ.get("RUNYARD_TEST_REQUIRE", "").split(","):
        pytest.fail(f"{what} is required here, but {why}")
    pytest.skip(f"no {what}: {why}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs on Postgres: `make check` leaves it to `make test`."""
    for item in items:
        parameters = getattr(item, "callspec", None)
        if parameters is not None and "postgres" in parameters.params.values():
            item.add_marker(pytest.mark.postgres)
            # The store itself is tested on both by tests/store.
            if "backend" in item.path.parts[-2:]:
                item.add_marker(pytest.mark.full)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestPostgres]:
    """A Postgres server: one that runs here (used, never stopped), or one of our own."""
    server = postgres_for_tests(tmp_path_factory.mktemp("postgres"))
    if isinstance(server, str):
        unavailable("postgres", server)
        return
    with server:
        yield server


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database, migrated once: a copy of it is there much sooner than another one."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    database.dispose()
    return path


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, migrated_file: Path) -> Iterator[str]:
    """The address of an empty, migrated database, once on SQLite and once on Postgres."""
    if request.param == "sqlite":
        yield f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'store.db')}"
    else:
        yield request.getfixturevalue("postgres").emptied_database()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def sqlite_database(tmp_path: Path, migrated_file: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'store.db')}")
    yield opened
    opened.dispose()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", token=SecretStr(TOKEN))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real images beside the checkout."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the shared folder with real images is not beside this checkout")
    return SHARED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the goals of reliability came to: a line each, as tests/chaos/goals.py records them."""
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.stats.get(kind, [])]
    lines = {str(line) for report in reports for name, line in report.user_properties if name == "goal"}
    if lines:
        terminalreporter.section("goals of reliability")
        for line in sorted(lines, key=lambda line: int(line.split()[0].removeprefix("R"))):
            terminalreporter.write_line(line)
