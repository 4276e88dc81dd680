"""A person pauses, reorders and drains while two real workers are at it."""

from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.processes.stack import Stack
from tests.servers import TestPostgres

pytestmark = pytest.mark.processes

POLL_SECONDS = 0.25


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, postgres: TestPostgres) -> Iterator[Stack]:
    """Two workers for all tests of this file; each ends what it launched, and undoes what it asked for."""
    home = tmp_path_factory.mktemp("queue") / "home"
    with (
        postgres.fresh_database() as database_url,
        Stack(home, workers=2, poll_seconds=POLL_SECONDS, database_url=database_url) as running,
    ):
        yield running


def workers(stack: Stack) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in stack.client.workers()}


def until_all_have_looked(stack: Stack, times: int = 3) -> None:
    """Wait until every worker was heard of so often again: it looks for work as often as it says it is alive."""
    for _ in range(times):
        before = {name: one["last_seen"] for name, one in workers(stack).items()}
        stack.until(lambda before=before: all(workers(stack)[n]["last_seen"] > before[n] for n in before))


def taken_by(stack: Stack, run_id: int) -> str:
    return stack.client.run(run_id)["attempts"][-1]["worker"]


def launch(stack: Stack, epochs: int = 1) -> int:
    """Queue a training that takes no longer than it must."""
    return stack.launch(epochs=epochs, dataset={"name": "shapes", "train_limit": 64, "test_limit": 20})


def states(stack: Stack, run_ids: list[int]) -> set[str]:
    return {stack.state(run_id) for run_id in run_ids}


def test_two_workers_take_nothing_while_the_queue_is_paused_and_then_the_runs_in_their_new_order(
    stack: Stack,
) -> None:
    training = launch(stack, epochs=10_000)
    stack.until(lambda: stack.epochs_done(training) > 0)
    stack.client.pause()
    a, b, c, d = ids = [launch(stack) for _ in range(4)]
    until_all_have_looked(stack)
    assert states(stack, ids) == {"queued"}, "claimed although the queue was paused"
    before = stack.epochs_done(training)
    stack.until(lambda: stack.epochs_done(training) > before)  # it was left alone

    stack.client.move(d, before=a)
    stack.client.move(a, before=None)
    stack.client.prioritize(c, 5)
    wanted = [c, d, b, a]
    assert [entry["run"] for entry in stack.client.queue()["runs"]] == wanted
    stack.client.unpause()
    ended = [stack.wait_for_end(run_id) for run_id in ids]
    assert {run["state"] for run in ended} == {"completed"}
    # One worker trained all of them, as the other one was busy: in the order of the queue.
    assert stack.state(training) == "running"
    started = sorted(ended, key=lambda run: run["started_at"])
    assert [run["id"] for run in started] == wanted
    stack.client.cancel(training)
    stack.wait_for_end(training)


def test_a_drained_worker_ends_its_run_and_takes_no_other_until_it_is_undone_or_its_process_starts_anew(
    stack: Stack,
) -> None:
    last = launch(stack, epochs=60)
    stack.until(lambda: stack.epochs_done(last) > 0)
    drained = taken_by(stack, last)
    (other,) = workers(stack).keys() - {drained}
    stack.client.drain(drained)
    assert workers(stack)[drained]["state"] in ("draining", "drained")
    ids = [launch(stack) for _ in range(2)]
    ended = stack.wait_for_end(last)
    assert (ended["state"], ended["attempt"]) == ("completed", 1)
    stack.until(lambda: workers(stack)[drained]["state"] == "drained")
    ids += [launch(stack) for _ in range(2)]
    assert {stack.wait_for_end(run_id)["state"] for run_id in ids} == {"completed"}
    assert {taken_by(stack, run_id) for run_id in ids} == {other}

    stack.client.drain(other)
    alone = launch(stack)
    until_all_have_looked(stack)
    assert stack.state(alone) == "queued", "claimed although every worker was drained"
    stack.client.drain(drained, drain=False)
    assert stack.wait_for_end(alone)["state"] == "completed"
    assert taken_by(stack, alone) == drained

    stack.client.drain(drained)
    psutil.Process(int(other.rpartition(":")[2].partition("-")[0])).kill()
    stack.until(lambda: workers(stack).keys() - {drained, other})
    (new,) = workers(stack).keys() - {drained, other}
    run_id = launch(stack)
    assert stack.wait_for_end(run_id)["state"] == "completed"
    assert taken_by(stack, run_id) == new
