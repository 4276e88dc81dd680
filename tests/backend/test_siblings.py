"""The other runs of a recipe, as the page of a run names them."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from backend.api.compare_curves import MOST_WHOLE
from backend.app import create_app
from backend.broker import Broker
from backend.queue import Bell
from backend.settings import Settings
from backend.store.session import Database
from tests.backend import clients
from tests.backend.test_api import NOBODY
from tests.store import scenes


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[TestClient]:
    app = create_app(settings, database, Bell(Broker(NOBODY)))
    with clients.operator(app) as client:
        yield client


def test_the_runs_of_a_recipe_are_siblings(client: TestClient, database: Database) -> None:
    first, second = scenes.launch(database, count=2)
    (again,) = scenes.launch(database)
    (other,) = scenes.launch(database, epochs=7)
    told = {run: client.get(f"/api/runs/{run}").json()["siblings"] for run in (first, second, again, other)}
    assert [(one["run"], one["seed"]) for one in told[first]] == [(again, 0), (second, 1)]
    assert [one["run"] for one in told[second]] == [first, again]
    assert told[other] == []
    assert told[first][1] == {"run": second, "name": "run 1", "state": "queued", "seed": 1}
    client.post(f"/api/runs/{second}/cancel")
    assert client.delete(f"/api/runs/{second}").status_code == 200
    assert [one["run"] for one in client.get(f"/api/runs/{first}").json()["siblings"]] == [again]


def test_there_are_no_more_siblings_than_can_be_compared(client: TestClient, database: Database) -> None:
    runs = scenes.launch(database, count=MOST_WHOLE + 5)
    told = client.get(f"/api/runs/{runs[0]}").json()["siblings"]
    assert [one["run"] for one in told] == runs[-MOST_WHOLE + 1 :]
    query = "&".join(f"run={run}" for run in [runs[0], *(one["run"] for one in told)])
    assert client.get(f"/api/compare?{query}").status_code == 200
