"""The values of steps on the command line, and why a run waits for a larger worker: as the API says it."""

import csv
import io
import math
from array import array

import pytest

from backend.cli import exits
from backend.client import Client
from backend.contract import MOST_DENSE_VALUES
from backend.errors import RunyardError
from backend.store import chunks, workers
from backend.store.session import Database
from tests.backend.served import run, run_json
from tests.store import scenes
from tests.store.test_workers_and_datasets import FACTS

pytestmark = pytest.mark.thorough


@pytest.fixture
def run_id(sqlite_database: Database) -> int:
    (run_id,) = scenes.launch(sqlite_database)
    with sqlite_database.write() as session:
        values = {"step_lr": [0.1, 0.1, 0.05], "step_loss": [2.25, math.nan, 0.1 * 3]}
        chunks.append_steps(session, run_id, 1, 1, values)
    return run_id


@pytest.mark.usefixtures("service")
def test_steps_are_a_table_csv_or_json(run_id: int) -> None:
    lines = [line.split() for line in run("curves", run_id, "--steps")[1].splitlines()]
    assert lines == [
        ["step", "step_loss", "step_lr"],
        ["1", "2.25", "0.1"],
        ["2", "NaN", "0.1"],
        ["3", "0.3", "0.05"],
    ]
    rows = list(csv.DictReader(io.StringIO(run("curves", run_id, "--steps", "--csv")[1])))
    assert [row["step"] for row in rows] == ["1", "2", "3"]
    assert [row["step_loss"] for row in rows] == ["2.25", "NaN", repr(0.1 * 3)]
    found = run_json("curves", run_id, "--steps")
    assert found["series"]["step_loss"]["values"] == [2.25, None, 0.1 * 3]
    assert found["series"]["step_loss"]["nonfinite"] == {"1": "nan"}
    one = run("curves", run_id, "--steps", "--metric", "step_lr", "--csv")[1].splitlines()
    assert one == ["step,step_lr", "1,0.1", "2,0.1", "3,0.05"]


@pytest.mark.usefixtures("service")
def test_a_run_that_kept_no_steps_says_how_they_are_kept(sqlite_database: Database) -> None:
    (run_id,) = scenes.launch(sqlite_database)
    assert "step_series=true" in run("curves", run_id, "--steps")[1]
    assert run("curves", run_id, "--steps", "--csv")[1] == "step\n"


@pytest.mark.usefixtures("service")
def test_what_is_kept_of_no_step_is_refused(run_id: int) -> None:
    status, said, problem = run("curves", run_id, "--steps", "--metric", "test_acc")
    assert (status, said) == (exits.WRONG_USAGE, "")
    assert "step_loss" in problem
    assert run("curves", 99, "--steps")[0] == exits.REFUSED


def test_the_client_reads_series_whole_or_thinned(client: Client, run_id: int) -> None:
    assert [one["name"] for one in client.series(run_id)] == ["step_loss", "step_lr"]
    found = client.series_values(run_id, "step_loss", first=2)
    assert (found["positions"], found["values"], found["thinned"]) == ([2, 3], [None, 0.1 * 3], False)
    assert client.series_values(run_id, "step_lr", points=10, last=1)["values"] == [0.1]


def test_the_client_reads_a_series_in_parts_that_is_too_long_for_one_answer(
    client: Client, sqlite_database: Database
) -> None:
    (run_id,) = scenes.launch(sqlite_database)
    count, piece = MOST_DENSE_VALUES + 3, 250_000
    values = array("d", [0.5]) * count
    values[0], values[700_000], values[-1] = -1.0, math.nan, 2.0
    with sqlite_database.write() as session:
        for first in range(0, count, piece):
            chunks.append_steps(session, run_id, 1, first + 1, {"step_loss": values[first : first + piece]})
    with pytest.raises(RunyardError, match=r"step_loss has 1,000,003 values there; .* first and last"):
        client._values(run_id, "step_loss", 0, {"attempt": None, "first": None, "last": None})
    found = client.series_values(run_id, "step_loss")
    assert found["positions"] == list(range(1, count + 1))
    assert (found["of"], found["thinned"], found["nonfinite"]) == (count, False, {"700000": "nan"})
    assert (found["values"][0], found["values"][700_000], found["values"][-1]) == (-1.0, None, 2.0)
    assert len(client.series_values(run_id, "step_loss", first=4)["values"]) == MOST_DENSE_VALUES


def test_a_run_that_needs_more_devices_than_any_worker_holds_says_so(
    client: Client, sqlite_database: Database
) -> None:
    scenes.launch(sqlite_database, devices=2)
    with sqlite_database.write() as session:
        workers.register(session, "small", **FACTS)
    why = "needs 2 devices of one worker; no worker holds so many"
    assert [one["why"] for one in client.queue()["runs"]] == [why]
    assert why in run("queue")[1]
    with sqlite_database.write() as session:
        workers.register(session, "large", **FACTS, devices=2)
    assert client.queue()["runs"][0]["why"] == "next"
