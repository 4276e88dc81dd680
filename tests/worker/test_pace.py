"""How long a training still takes: cases solved by hand, also of one that began within an epoch."""

import pytest

from worker.pace import Pace

EPOCHS, STEPS, STEP_SECONDS, END_SECONDS = 5, 100, 0.5, 20.0
"""A training whose test takes as long as 40 of its steps."""


def train(pace: Pace, now: float, epoch: int, after_step: int = 0, to_step: int = STEPS) -> float:
    """Do the steps of an epoch after one, and what follows the last; return the time then."""
    for step in range(after_step + 1, to_step + 1):
        now += STEP_SECONDS
        pace.step(now, epoch, step, STEPS)
    if to_step == STEPS:
        now += END_SECONDS
        pace.epoch_ended(now)
    return now


def truly_left(epoch: int, step: int) -> float:
    """Return how long it takes from a step of an epoch on."""
    epochs_left = EPOCHS - epoch + 1
    return STEP_SECONDS * (STEPS * epochs_left - step) + END_SECONDS * epochs_left


def test_nothing_is_said_before_two_steps_were_done() -> None:
    pace = Pace()
    assert pace.seconds_left(1.0, EPOCHS) is None
    pace.step(1.0, 1, 1, STEPS)
    assert pace.seconds_left(2.0, EPOCHS) is None
    pace.step(1.5, 1, 2, STEPS)
    assert pace.seconds_left(1.5, EPOCHS) == pytest.approx(0.5 * (5 * 100 - 2))


def test_the_first_step_warms_up_and_counts_for_nothing() -> None:
    pace = Pace()
    pace.step(60.0, 1, 1, STEPS)  # a minute of compiling before it
    now = train(pace, 60.0, 1, after_step=1)
    assert pace.seconds_left(now, EPOCHS) == pytest.approx(truly_left(2, 0))


@pytest.mark.parametrize("resumed_after", [0, 40, 95])
@pytest.mark.parametrize("step", [1, 50, 99])
def test_after_the_first_epoch_it_is_right_also_of_a_run_that_was_resumed_within_one(
    resumed_after: int, step: int
) -> None:
    pace = Pace()
    now = train(pace, 1000.0, 2, after_step=resumed_after)
    now = train(pace, now, 3, to_step=step)
    assert pace.seconds_left(now, EPOCHS) == pytest.approx(truly_left(3, step), rel=0.02)


def test_within_the_epoch_it_was_resumed_in_the_steps_left_are_told_and_not_those_before() -> None:
    pace = Pace()
    now = train(pace, 1000.0, 5, after_step=40, to_step=60)
    assert pace.seconds_left(now, EPOCHS) == pytest.approx(40 * STEP_SECONDS)  # no test was seen yet


def test_it_goes_down_while_a_test_lasts_and_never_below_zero() -> None:
    pace = Pace()
    now = train(pace, 0.0, 4)
    for step in range(1, STEPS + 1):
        now += STEP_SECONDS
        pace.step(now, 5, step, STEPS)
    assert pace.seconds_left(now + 5.0, EPOCHS) == pytest.approx(END_SECONDS - 5.0)
    assert pace.seconds_left(now + 500.0, EPOCHS) == 0.0
