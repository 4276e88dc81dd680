"""What chaos tests begin with. All of them start processes of their own and wait for most of their time."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.backends import Backend, backend_of
from tests.chaos.goals import FULL, Goal

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.chaos)
            item.add_marker(pytest.mark.processes)
            if FULL and item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture
def goal(record_property: Callable[[str, object], None]) -> Goal:
    return Goal(record_property)


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """SQLite with the embedded broker, then Postgres with Redis: servers of the test's own, which it may kill."""
    with backend_of(request.param, tmp_path / "servers") as made:
        yield made
