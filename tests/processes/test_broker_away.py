"""The broker may be away: launches are accepted and runs trained all the same."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.chaos.goals import Goal, scaled
from tests.processes.stack import Stack
from tests.servers import TestPostgres, free_port

pytestmark = pytest.mark.processes


@contextmanager
def frozen(process: psutil.Process) -> Iterator[None]:
    """Stop a process as a hanging server is stopped: it keeps its connections and answers nobody."""
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def broker_process(stack: Stack) -> psutil.Process:
    (found,) = [p for p in stack.descendants() if "valkey-server" in p.name()]
    return found


@pytest.mark.full
def test_runs_queued_while_the_broker_hangs_are_trained(tmp_path: Path) -> None:
    with Stack(tmp_path / "home") as stack, frozen(broker_process(stack)):
        ids = [stack.launch(epochs=1, seed=seed) for seed in range(3)]
        assert [stack.wait_for_end(run_id)["state"] for run_id in ids] == ["completed"] * 3


@pytest.mark.full  # tests/chaos/test_broker.py holds it
def test_a_killed_broker_comes_back_and_is_rung_again(tmp_path: Path) -> None:
    with Stack(tmp_path / "home") as stack:
        before = broker_process(stack)
        before.send_signal(signal.SIGKILL)
        run_id = stack.launch(epochs=1)
        assert stack.wait_for_end(run_id)["state"] == "completed"
        stack.until(lambda: any("valkey-server" in p.name() for p in stack.descendants() if p != before))


@pytest.mark.chaos
def test_on_postgres_with_no_redis_at_all_runs_are_trained(
    tmp_path: Path, postgres: TestPostgres, record_property: Callable[[str, object], None]
) -> None:
    nobody = f"redis://127.0.0.1:{free_port()}/0"
    count = scaled(2, 10)
    with (
        postgres.fresh_database() as database_url,
        Stack(tmp_path / "home", broker_url=nobody, database_url=database_url) as stack,
    ):
        ids = [stack.launch(epochs=1, seed=seed) for seed in range(count)]
        ended = [stack.wait_for_end(run_id) for run_id in ids]
    once = sum((run["state"], run["attempt"]) == ("completed", 1) for run in ended)
    Goal(record_property).tell(
        "R4", f"{once} of {count} runs completed once with no Redis at all", "all", held=once == count
    )
