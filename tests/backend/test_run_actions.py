"""Retry, resume and deletion over HTTP and by the command line; families as lists and pages show them."""

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient
from typer.testing import CliRunner

from backend.app import create_app
from backend.broker import Broker
from backend.cli.commands import app as commands
from backend.contract import RunState
from backend.queue import Bell
from backend.reconciler import Reconciler
from backend.settings import Settings
from backend.store import attempts
from backend.store.leases import LeaseWatch
from backend.store.session import Database
from tests.backend import clients
from tests.backend.test_api import NOBODY, message
from tests.store import scenes


class CountingBell(Bell):
    """A bell whose rings are heard by the test."""

    def __init__(self) -> None:
        super().__init__(Broker(NOBODY))
        self.rung = 0

    def ring(self, count: int = 1) -> bool:
        self.rung += count
        return True


@pytest.fixture
def bell() -> CountingBell:
    return CountingBell()


@pytest.fixture
def client(settings: Settings, database: Database, bell: Bell) -> Iterator[TestClient]:
    # Without its threads: the reconciler would ring as well.
    yield clients.operator(create_app(settings, database, bell))


def failed(database: Database, checkpoint: dict | None = None) -> int:
    (run_id,) = scenes.launch(database)
    claimed = scenes.claim(database)
    scenes.report(database, claimed, 1, {"test_acc": 0.4}, checkpoint)
    scenes.end(database, claimed, RunState.FAILED)
    return run_id


@pytest.mark.parametrize("action", ["retry", "resume"])
def test_a_failed_run_is_put_back_and_workers_hear_of_it(
    client: TestClient, database: Database, bell: CountingBell, action: str
) -> None:
    run_id = failed(database, scenes.pointer(1))
    answer = client.post(f"/api/runs/{run_id}/{action}")
    assert (answer.status_code, answer.json()["state"], bell.rung) == (200, "queued", 1)
    assert (answer.json()["last"] is None) == (action == "retry")
    again = client.post(f"/api/runs/{run_id}/{action}")
    assert (again.status_code, message(again)) == (
        409,
        f"Run {run_id} is queued; it must be failed or cancelled for this.",
    )
    assert bell.rung == 1


@pytest.mark.parametrize("action", ["retry", "resume"])
def test_what_is_not_there_or_no_id_is_not_put_back(client: TestClient, action: str) -> None:
    assert client.post(f"/api/runs/99/{action}").status_code == 404
    assert client.post(f"/api/runs/zero/{action}").status_code == 422
    assert client.post(f"/api/runs/0/{action}").status_code == 422


def test_a_run_that_failed_within_its_first_epoch_says_that_it_has_a_checkpoint(
    client: TestClient, database: Database
) -> None:
    (run_id,) = scenes.launch(database)
    claimed = scenes.claim(database)
    with database.write() as session:
        made = scenes.pointer_within(0, 3, 5)
        attempts.report_checkpoint(session, run_id, claimed.attempt, made)
    scenes.end(database, claimed, RunState.FAILED)
    told = client.get(f"/api/runs/{run_id}").json()
    assert (told["last"], told["checkpoint"]) == (None, {"epoch": 0, "step": 3})
    assert client.post(f"/api/runs/{run_id}/retry").json()["checkpoint"] is None


def test_a_run_without_a_checkpoint_is_not_resumed(client: TestClient, database: Database) -> None:
    run_id = failed(database)
    answer = client.post(f"/api/runs/{run_id}/resume")
    assert (answer.status_code, message(answer)) == (
        409,
        f"Run {run_id} has no checkpoint: retry it from the start.",
    )


def test_the_curves_of_a_retried_run_are_found_with_their_attempt(
    client: TestClient, database: Database
) -> None:
    run_id = failed(database)
    points = f"/api/runs/{run_id}/points"
    assert client.get(f"{points}?attempt=1").status_code == 404
    client.post(f"/api/runs/{run_id}/retry")
    attempts = client.get(f"/api/runs/{run_id}").json()["attempts"]
    assert [(one["number"], one["has_points"]) for one in attempts] == [(1, True)]
    assert client.get(points).json()["series"] == {}
    kept = client.get(f"{points}?attempt=1").json()["series"]
    assert kept["test_acc"] == {"epochs": [1], "values": [0.4], "nonfinite": {}}
    assert client.get(f"{points}?attempt=1&name=lr").json()["series"] == {}
    assert client.get(f"{points}?attempt=0").status_code == 422


def test_a_run_is_deleted_once(client: TestClient, database: Database) -> None:
    run_id = failed(database)
    answer = client.delete(f"/api/runs/{run_id}")
    assert (answer.status_code, answer.json()) == (200, {"deleted": run_id})
    assert client.get(f"/api/runs/{run_id}").status_code == 404
    assert client.get("/api/runs").json()["runs"] == []
    again = client.delete(f"/api/runs/{run_id}")
    assert (again.status_code, message(again)) == (404, f"There is no run {run_id}.")
    assert client.delete("/api/runs/zero").status_code == 422


def test_a_run_that_is_not_over_is_not_deleted(client: TestClient, database: Database) -> None:
    (run_id,) = scenes.launch(database)
    answer = client.delete(f"/api/runs/{run_id}")
    assert answer.status_code == 409
    assert message(answer) == f"Run {run_id} is queued; it must be completed, failed or cancelled for this."


def test_a_parent_that_is_needed_is_not_deleted(client: TestClient, database: Database) -> None:
    (parent,) = scenes.launch(database)
    child = scenes.launch_child(database, parent)
    scenes.complete(database, scenes.claim(database))
    answer = client.delete(f"/api/runs/{parent}")
    assert answer.status_code == 409
    assert f"run {child} (child of {parent}) is queued" in message(answer)


def test_a_page_of_another_origin_deletes_nothing(client: TestClient, database: Database) -> None:
    run_id = failed(database)
    crossed = client.delete(f"/api/runs/{run_id}", headers={"Origin": "http://evil.example"})
    assert crossed.status_code == 403
    assert scenes.state(database, run_id) == RunState.FAILED


def test_a_run_names_its_parent_and_its_children(client: TestClient, database: Database) -> None:
    (parent,) = scenes.launch(database)
    child = scenes.launch_child(database, parent)
    listed = {run["id"]: run for run in client.get("/api/runs").json()["runs"]}
    assert listed[parent]["parent"] is None
    assert listed[child]["parent"] == {"run": parent, "name": "run 0", "state": "queued", "changed": False}
    assert listed[child]["state"] == "waiting"
    assert client.get(f"/api/runs/{parent}").json()["children"] == [
        {"run": child, "name": f"child of {parent}", "state": "waiting"}
    ]
    client.post(f"/api/runs/{parent}/cancel")
    shown = client.get(f"/api/runs/{child}").json()
    assert (shown["reason"], shown["detail"]) == ("parent failed", f"Run {parent} (run 0) was cancelled.")


def test_a_list_takes_no_more_queries_for_more_runs(client: TestClient, database: Database) -> None:
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))

    def queries() -> int:
        statements.clear()
        assert client.get("/api/runs").status_code == 200
        return len(statements)

    (parent,) = scenes.launch(database)
    few = queries()
    for _ in range(6):
        scenes.launch_child(database, parent)
    assert queries() == few


def test_the_reconciler_moves_what_waits_for_a_parent_that_is_over(
    sqlite_database: Database, bell: CountingBell
) -> None:
    (parent,) = scenes.launch(sqlite_database)
    child = scenes.launch_child(sqlite_database, parent)
    with sqlite_database.write() as session:  # as if the end had not been passed on
        scenes.run(session, parent).state = RunState.COMPLETED
    Reconciler(sqlite_database, bell, LeaseWatch(60, 2, 1), 1.0).tick()
    assert scenes.state(sqlite_database, child) == RunState.QUEUED
    assert bell.rung == 1


@pytest.fixture
def service(
    settings: Settings, sqlite_database: Database, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The service on a port of its own, where the command line finds it."""
    clients.found_by_client(monkeypatch)
    with clients.serving(create_app(settings, sqlite_database, bell)) as port:
        monkeypatch.setenv("RUNYARD_PORT", str(port))
        yield


def run_command(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(commands, [str(argument) for argument in arguments])
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.usefixtures("service")
def test_runs_are_retried_resumed_and_deleted_by_the_command_line(sqlite_database: Database) -> None:
    first = failed(sqlite_database, scenes.pointer(1))
    second = failed(sqlite_database)
    assert run_command("retry", second) == (0, f"Run {second} is queued.\n", "")
    status, said, refused = run_command("resume", first, second)
    assert (status, said) == (1, f"Run {first} is queued.\n")
    assert refused == f"Run {second} is queued; it must be failed or cancelled for this.\n"
    assert run_command("cancel", first, second)[0] == 0
    assert run_command("delete", second) == (0, f"Run {second} is deleted.\n", "")
    status, said, _ = run_command("delete", "--json", first)
    assert (status, json.loads(said)) == (0, {"deleted": first})
    status, said, refused = run_command("retry", first, "--json")
    assert (status, said, refused) == (1, "", f"There is no run {first}.\n")
    assert run_command("delete")[0] == 2
    assert run_command("delete", "abc")[0] == 2
