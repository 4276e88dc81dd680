"""The series of many values over HTTP: which there are, one whole, in part and thinned, and what is refused."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from backend.app import create_app
from backend.broker import Broker
from backend.queue import Bell
from backend.settings import Settings
from backend.store import chunks
from backend.store.chunks import Samples
from backend.store.session import Database
from tests.backend import clients
from tests.backend.test_api import NOBODY, message
from tests.store import scenes


@pytest.fixture
def client(settings: Settings, sqlite_database: Database) -> Iterator[TestClient]:
    app = create_app(settings, sqlite_database, Bell(Broker(NOBODY)))
    with clients.operator(app) as client:
        yield client


@pytest.fixture
def run_id(sqlite_database: Database) -> int:
    """A run of 5000 steps, one of which is a spike and one NaN, and of two attempts with samples."""
    (run_id,) = scenes.launch(sqlite_database)
    losses = [1.0] * 5000
    losses[1233], losses[4000] = 50.0, math.nan
    with sqlite_database.write() as session:
        for first in range(1, 5001, 1000):
            values = {"step_loss": losses[first - 1 : first + 999], "step_lr": [0.1] * 1000}
            chunks.append_steps(session, run_id, 1, first, values)
        for attempt, loads in ((1, [0.25, math.nan]), (2, [0.75])):
            seconds = [2.5 * place for place in range(len(loads))]
            chunks.append_samples(session, run_id, attempt, {"cpu_load": Samples(0, seconds, loads)})
    return run_id


def values_of(client: TestClient, run_id: int, name: str = "step_loss", **query: Any) -> dict[str, Any]:
    answer = client.get(f"/api/runs/{run_id}/series/values", params={"name": name, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_series_of_a_run_are_listed_with_titles_units_and_lengths(
    client: TestClient, run_id: int
) -> None:
    listed = client.get(f"/api/runs/{run_id}/series").json()
    assert listed["run"] == run_id
    told = {one["name"]: one for one in listed["series"]}
    assert list(told) == ["step_loss", "step_lr", "cpu_load"]
    assert told["step_loss"] == {
        "name": "step_loss",
        "title": "Training loss of each step",
        "unit": "nats",
        "by": "step",
        "length": 5000,
        "attempts": None,
    }
    assert told["cpu_load"]["length"] == 3
    assert told["cpu_load"]["attempts"] == [{"attempt": 1, "length": 2}, {"attempt": 2, "length": 1}]


def test_a_run_that_kept_none_lists_none_and_has_no_values(
    client: TestClient, sqlite_database: Database
) -> None:
    (run_id,) = scenes.launch(sqlite_database)
    assert client.get(f"/api/runs/{run_id}/series").json() == {"run": run_id, "series": []}
    for name in ("step_loss", "gpu_load"):
        found = values_of(client, run_id, name)
        assert (found["positions"], found["values"], found["of"], found["thinned"]) == ([], [], 0, False)


def test_all_values_come_exactly_and_what_is_no_number_has_its_name(client: TestClient, run_id: int) -> None:
    found = values_of(client, run_id, points=0)
    assert found["positions"] == list(range(1, 5001))
    assert all(isinstance(position, int) for position in found["positions"])
    assert (found["values"][1233], found["values"][4000], found["nonfinite"]) == (50.0, None, {"4000": "nan"})
    assert (found["thinned"], found["of"], found["attempt"]) == (False, 5000, None)


def test_a_long_series_is_thinned_and_says_so(client: TestClient, run_id: int) -> None:
    found = values_of(client, run_id, points=100)
    assert len(found["positions"]) == len(found["values"]) <= 100
    assert (found["thinned"], found["of"]) == (True, 5000)
    by_step = dict(zip(found["positions"], found["values"], strict=True))
    assert (by_step[1234], by_step[4001]) == (50.0, None)
    (place,) = found["nonfinite"]
    assert (found["positions"][int(place)], found["nonfinite"][place]) == (4001, "nan")
    assert values_of(client, run_id)["thinned"], "2000 where nothing is said"


def test_a_part_comes_whole_where_the_whole_would_be_thinned(client: TestClient, run_id: int) -> None:
    found = values_of(client, run_id, points=100, first=1230.5, last=1240)
    assert found["positions"] == list(range(1231, 1241))
    assert (found["thinned"], found["of"]) == (False, 10)


def test_samples_are_those_of_the_attempt_that_is_asked_or_of_the_last(
    client: TestClient, run_id: int
) -> None:
    last = values_of(client, run_id, "cpu_load")
    assert (last["attempt"], last["positions"], last["values"]) == (2, [0.0], [0.75])
    first = values_of(client, run_id, "cpu_load", attempt=1)
    assert (first["positions"], first["values"], first["nonfinite"]) == (
        [0.0, 2.5],
        [0.25, None],
        {"1": "nan"},
    )
    assert values_of(client, run_id, "cpu_load", attempt=7)["values"] == []
    assert values_of(client, run_id, "cpu_load", attempt=1, first=1)["positions"] == [2.5]


def test_what_is_not_there_is_404(client: TestClient) -> None:
    assert client.get("/api/runs/99/series").status_code == 404
    answer = client.get("/api/runs/99/series/values", params={"name": "step_loss"})
    assert (answer.status_code, message(answer)) == (404, "There is no run 99.")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"name": "step_los"}, "There is no series 'step_los'. Did you mean step_loss"),
        ({}, "name is "),
        ({"name": "step_loss", "points": 9}, "points is 9; it must be 0 for all of them, or 10 or more."),
        ({"name": "step_loss", "points": -1}, "points is '-1'"),
        ({"name": "step_loss", "attempt": 1}, "step_loss goes on over all attempts of a run"),
        ({"name": "cpu_load", "attempt": 0}, "attempt is '0'"),
        ({"name": "cpu_load", "first": "nan"}, "first is 'nan'"),
        ({"name": "cpu_load", "last": "inf"}, "last is 'inf'"),
    ],
)
def test_what_is_impossible_is_refused_in_one_sentence(
    client: TestClient, run_id: int, query: dict[str, Any], says: str
) -> None:
    answer = client.get(f"/api/runs/{run_id}/series/values", params=query)
    assert answer.status_code == 422
    assert message(answer).startswith(says) or says in message(answer)
