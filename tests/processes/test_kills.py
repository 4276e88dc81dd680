"""`kill -9` in mid-run: the run goes on as a further attempt and ends with the very numbers of an undisturbed one."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from backend.processes import is_alive, wait_until
from tests.processes.stack import Stack

pytestmark = pytest.mark.processes

EPOCHS = 40
LEASE_SECONDS = 60

VICTIMS: dict[str, Callable[[Stack], psutil.Process]] = {
    "training process": Stack.training_process,
    "fork server": Stack.fork_server_process,
    "worker": Stack.worker_process,
}


@pytest.mark.full  # tests/chaos/test_losses.py holds it
def test_a_killed_run_ends_with_the_numbers_of_an_undisturbed_one(tmp_path: Path) -> None:
    with Stack(
        tmp_path / "home",
        checkpoint_seconds=0,
        lease_seconds=LEASE_SECONDS,
        backoff_seconds=0.1,
        poll_seconds=0.5,
    ) as stack:
        whole = stack.launch(epochs=EPOCHS)
        assert stack.wait_for_end(whole)["state"] == "completed"
        expected = stack.numbers(whole)
        assert len(expected["train_loss"]) == EPOCHS
        for name, find in VICTIMS.items():
            run_id = stack.launch(epochs=EPOCHS)
            stack.until(lambda run_id=run_id: stack.epochs_done(run_id) >= 3)
            victim, training = find(stack), stack.training_process()
            victim.kill()
            killed_at = time.monotonic()
            assert wait_until(lambda p=training.pid: not is_alive(p), 5), f"the training outlived its {name}"
            stack.until(lambda run_id=run_id: stack.client.run(run_id)["attempt"] == 2)
            # Nobody waits for the end of a lease where it can be known who died.
            assert time.monotonic() - killed_at < LEASE_SECONDS / 2, name
            run = stack.wait_for_end(run_id)
            assert (run["state"], run["attempt"]) == ("completed", 2), (name, stack.story())
            assert run["attempts"][0]["reason"] == "worker lost", name
            assert run["attempts"][1]["resumed_from_epoch"] >= 3, name
            assert stack.numbers(run_id) == expected, name
            stack.until(lambda: stack.worker_process().children(), 60)
