"""What is said of a loss that is no number."""

import math

import pytest

from tests.worker.tiny import tiny_dataset, tiny_spec, trained
from worker.engine.loss_watch import LossWatch


def test_the_first_epoch_whose_loss_is_no_number_is_told_once() -> None:
    watch = LossWatch(tiny_spec(optimizer={"lr": 0.5}))
    assert watch.warning(1, {"train_loss": 1e30, "test_loss": 2.0}) is None
    told = watch.warning(2, {"train_loss": 3.0, "test_loss": math.inf})
    assert told is not None
    assert told.startswith("warning: test_loss of epoch 2 is infinite: no number.")
    assert "(it is 0.5)" in told
    assert watch.warning(3, {"train_loss": math.nan, "test_loss": math.inf}) is None


@pytest.mark.parametrize("metrics", [{}, {"lr": math.nan}, {"train_loss": 0.0, "val_loss": -1.0}])
def test_nothing_is_said_of_numbers_and_of_what_is_no_loss(metrics: dict[str, float]) -> None:
    assert LossWatch(tiny_spec()).warning(1, metrics) is None


def test_a_training_that_diverges_goes_on_to_its_end_and_says_so(tmp_path) -> None:
    spec = tiny_spec(optimizer={"lr": 100.0, "weight_decay": 0.5}, epochs=6)
    _, recorder = trained(spec, tiny_dataset(tmp_path / "data"), tmp_path / "run")
    losses = recorder.series("train_loss")
    assert len(losses) == 6
    assert math.isfinite(losses[0])
    assert math.isnan(losses[-1])
    (warning,) = [line for line in recorder.lines if line.startswith("warning: ")]
    first = next(epoch for epoch, loss in enumerate(losses, 1) if not math.isfinite(loss))
    assert f"of epoch {first} is" in warning
