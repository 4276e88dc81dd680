"""A run on two devices of one worker: trained, broken off and gone on with as on one, and nothing of it stays behind."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from backend.processes import is_alive, wait_until
from tests.processes.stack import Stack

pytestmark = pytest.mark.processes

EPOCHS = 12
SMALL = {"dataset": {"name": "shapes", "train_limit": 640, "test_limit": 200}, "batch_size": 64}

RELATIVE = 1e-5
"""By which a number may differ from that of one device: the order in which 32-bit floats are added up is another."""


def _second_rank(stack: Stack) -> psutil.Process:
    (launcher,) = stack.training_process().children()
    ranks = launcher.children()
    assert len(ranks) == 2, ranks
    return ranks[1]


VICTIMS: dict[str, tuple[Callable[[Stack], psutil.Process], str]] = {
    "rank": (_second_rank, "One of the processes that trained together was ended by SIGKILL."),
    "training process": (Stack.training_process, "The training process was ended by SIGKILL."),
}


def test_a_run_on_two_devices_survives_what_kills_it_and_ends_when_it_is_cancelled(tmp_path: Path) -> None:
    with Stack(
        tmp_path / "home", devices_per_worker=2, checkpoint_seconds=0, backoff_seconds=0.1, poll_seconds=0.5
    ) as stack:
        assert [one["devices"] for one in stack.client.workers()] == [2]
        alone, together = (stack.launch(epochs=EPOCHS, devices=count, **SMALL) for count in (1, 2))
        assert {stack.wait_for_end(run_id)["state"] for run_id in (alone, together)} == {"completed"}
        expected = stack.numbers(together)
        _check_close(stack.numbers(alone), expected)

        for name, (find, told) in VICTIMS.items():
            run_id = stack.launch(epochs=EPOCHS, devices=2, **SMALL)
            stack.until(lambda run_id=run_id: stack.epochs_done(run_id) >= 2)
            victim, training = find(stack), stack.training_process()
            everyone = [training, *training.children(recursive=True)]
            assert len(everyone) == 4, everyone
            victim.kill()
            assert wait_until(lambda e=everyone: not any(is_alive(p.pid) for p in e), 120), (
                f"outlived its {name}"
            )
            run = stack.wait_for_end(run_id)
            assert (run["state"], run["attempt"]) == ("completed", 2), (name, stack.story())
            assert run["attempts"][0]["detail"] == told, name
            assert run["attempts"][1]["resumed_from_epoch"] >= 2, name
            assert stack.numbers(run_id) == expected, name

        endless = stack.launch(epochs=10_000, devices=2, **SMALL)
        stack.until(lambda: stack.epochs_done(endless) >= 1)
        everyone = stack.training_process().children(recursive=True)
        stack.client.cancel(endless)
        assert stack.wait_for_end(endless)["state"] == "cancelled"
        assert not any(is_alive(process.pid) for process in everyone)


def _check_close(one: dict[str, list[float | None]], other: dict[str, list[float | None]]) -> None:
    assert set(one) == set(other)
    for name, values in one.items():
        assert len(values) == EPOCHS
        assert other[name] == pytest.approx(values, rel=RELATIVE), name
