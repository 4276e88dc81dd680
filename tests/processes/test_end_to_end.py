"""From launch to curve with real processes, with each of the three brokers, on both databases."""

import contextlib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.processes.stack import Stack
from tests.servers import TestPostgres, own_redis

pytestmark = pytest.mark.processes

NEVER_POLL = 60
"""Seconds between looks: a run that starts sooner was rung for."""


def waited_seconds(run: dict[str, Any]) -> float:
    started, created = (datetime.fromisoformat(run[name]) for name in ("started_at", "created_at"))
    return (started - created).total_seconds()


def test_a_launch_is_rung_trained_and_stored_and_one_that_runs_is_cancelled(tmp_path: Path) -> None:
    with Stack(tmp_path / "home", poll_seconds=NEVER_POLL) as stack:
        # The first look of a fresh worker is over: what starts now was rung for.
        run_id = stack.launch(epochs=3)
        run = stack.wait_for_end(run_id)
        assert (run["state"], run["attempt"]) == ("completed", 1), run["detail"]
        assert waited_seconds(run) < NEVER_POLL / 2
        numbers = stack.numbers(run_id)
        assert len(numbers["test_acc"]) == 3
        assert run["last"]["metrics"]["test_acc"] > 0.15, "ten classes: chance is 0.1"
        environment = run["attempts"][0]["environment"]
        assert environment["torch"]
        log = [line["text"] for line in stack.client.log(run_id)["lines"]]
        assert any(line.startswith("epoch 3:") for line in log), log

        run_id, behind = stack.launch(epochs=5000), stack.launch(epochs=1)
        stack.until(lambda: stack.epochs_done(run_id) >= 1)
        assert stack.client.run(behind)["ahead"] == 0
        stack.client.cancel(run_id)
        stack.until(lambda: stack.state(run_id) == "cancelled")
        assert stack.wait_for_end(behind)["state"] == "completed"


@pytest.mark.full  # tests/chaos trains with the other brokers and databases
def test_the_same_without_a_broker_by_folders_of_files(tmp_path: Path) -> None:
    with Stack(tmp_path / "home", broker_url="filesystem", poll_seconds=NEVER_POLL) as stack:
        run = stack.wait_for_end(stack.launch(epochs=1))
        assert run["state"] == "completed"
        assert waited_seconds(run) < NEVER_POLL / 2


@pytest.mark.full  # tests/chaos trains with the other brokers and databases
def test_the_same_on_postgres_with_redis(tmp_path: Path, postgres: TestPostgres) -> None:
    with (
        postgres.fresh_database() as database_url,
        own_redis(tmp_path) as broker_url,
        Stack(tmp_path / "home", broker_url=broker_url, database_url=database_url) as stack,
    ):
        ids = [stack.launch(epochs=2, seed=seed) for seed in (0, 1)]
        assert [stack.wait_for_end(run_id)["state"] for run_id in ids] == ["completed"] * 2


@pytest.mark.full  # tests/chaos/test_handover.py holds it
def test_a_stopped_runyard_goes_on_where_it_was(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Stack(home, checkpoint_seconds=0) as stack:
        run_id = stack.launch(epochs=40)
        stack.until(lambda: stack.epochs_done(run_id) >= 2)
    with Stack(home, checkpoint_seconds=0) as stack:
        run = stack.wait_for_end(run_id)
        assert (run["state"], run["losses"]) == ("completed", 0)
        assert [a["reason"] for a in run["attempts"]] == ["worker drained", "completed"]
        assert run["attempts"][1]["resumed_from_epoch"] >= 2
        whole = stack.launch(epochs=40)
        stack.wait_for_end(whole)
        assert stack.numbers(run_id) == stack.numbers(whole)


@pytest.mark.full
def test_data_removed_after_the_launch_fails_the_run_with_that_reason(tmp_path: Path) -> None:
    from tests.processes.images import import_small_set

    home = tmp_path / "home"
    folder = import_small_set(home, "small", tmp_path)
    with Stack(home) as stack:
        good = stack.client.launch(
            preset="softmax-original", overrides={"dataset": {"name": "small"}, "epochs": 1}
        )
        assert stack.wait_for_end(good["runs"][0])["state"] == "completed"
        with contextlib.ExitStack() as undo:
            moved = folder.with_name("moved-away")
            folder.rename(moved)
            undo.callback(lambda: moved.rename(folder))
            lost = stack.client.launch(
                preset="softmax-original", overrides={"dataset": {"name": "small"}, "epochs": 1}
            )
            run = stack.wait_for_end(lost["runs"][0])
        assert (run["state"], run["reason"]) == ("failed", "refused")
        assert "runyard data import small" in run["detail"]
