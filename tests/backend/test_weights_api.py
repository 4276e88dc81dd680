"""`GET /api/weights`, and what the command line makes of it."""

import json
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from backend.app import create_app
from backend.broker import Broker
from backend.cli import show
from backend.queue import Bell
from backend.settings import Settings
from backend.store import weights
from backend.store.session import Database
from tests.backend import clients


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[TestClient]:
    app = create_app(settings, database, Bell(Broker("redis://127.0.0.1:1/0")))
    with clients.operator(app) as client:
        yield client


def test_weights_are_listed_by_architecture_with_when_they_came(
    client: TestClient, database: Database
) -> None:
    assert client.get("/api/weights").json() == {"weights": []}
    with database.write() as session:
        session.info["clock"] = lambda: 0.0
        for arch in ("vgg16", "alexnet"):
            weights.register(session, weights.NewWeights("file", "mine", arch, "a" * 64, 1000))
    listed = client.get("/api/weights").json()["weights"]
    assert [one["arch"] for one in listed] == ["alexnet", "vgg16"]
    assert listed[0]["at"] == "1970-01-01T00:00:00.000Z"
    assert listed[0]["classes"] == 1000


def test_the_list_is_printed_as_a_table_or_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = [{"arch": "vgg16", "source": "file", "name": "mine", "classes": 1000, "sha256": "a" * 64}]
    show.weights(found, as_json=False)
    assert capsys.readouterr().out.split()[-5:] == ["vgg16", "file", "mine", "1,000", "a" * 12]
    show.weights(found, as_json=True)
    assert json.loads(capsys.readouterr().out) == found
    show.weights([], as_json=False)
    assert "runyard weights fetch" in capsys.readouterr().out
