"""What tests of the command line and the Python client stand on: a service that is really served."""

from collections.abc import Iterator

import pytest

from backend.client import Client
from backend.settings import Settings
from backend.store.session import Database
from tests.backend.served import Served, client_of, serving


@pytest.fixture
def service(
    settings: Settings, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    """A service where the command line and clients find it, with its token."""
    with serving(settings, sqlite_database, monkeypatch) as served:
        yield served


@pytest.fixture
def client(service: Served) -> Iterator[Client]:
    """A client of that service. Tests of the API alone have one of their own, which needs no port."""
    with client_of(service) as opened:
        yield opened
