import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backend.spec import ScheduleSpec
from worker.engine.schedules import cosine, onecycle, schedule_of


def factors(epochs: int = 4, steps_per_epoch: int = 5, **spec: Any) -> list[float]:
    schedule = schedule_of(ScheduleSpec(**spec), epochs=epochs, steps_per_epoch=steps_per_epoch)
    return [schedule(step) for step in range(1, epochs * steps_per_epoch + 1)]


def test_a_constant_rate_is_the_very_rate_of_the_optimizer() -> None:
    assert factors(name="constant") == [1.0] * 20


def test_steps_multiply_the_rate_every_so_many_epochs() -> None:
    assert factors(name="step", step_epochs=2, gamma=0.5) == [1.0] * 10 + [0.5] * 10
    assert factors(epochs=3, steps_per_epoch=2, name="step", step_epochs=1) == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01]
    )


def test_a_cosine_falls_from_1_and_would_reach_0_after_the_last_step() -> None:
    found = factors(name="cosine")
    assert found[0] == 1.0
    assert found[10] == pytest.approx(0.5)
    assert found == sorted(found, reverse=True)
    assert cosine(21, total_steps=20) == pytest.approx(0.0)
    assert found[-1] > 0


def test_a_cosine_is_that_of_torch() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    for ours in factors(name="cosine"):
        assert ours == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize("name", ["constant", "cosine", "step"])
def test_a_warm_up_rises_in_a_line_and_hands_over_at_the_full_rate(name: str) -> None:
    more = {"step_epochs": 4} if name == "step" else {}
    found = factors(name=name, warmup_epochs=1.0, **more)
    assert found[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert max(found) <= 1.0


def test_a_warm_up_of_a_part_of_an_epoch_counts_in_steps() -> None:
    assert factors(name="constant", warmup_epochs=0.4)[:3] == [0.5, 1.0, 1.0]


def test_one_cycle_rises_over_three_tenths_and_ends_at_nearly_nothing() -> None:
    found = [onecycle(step, total_steps=100) for step in range(1, 101)]
    assert found.index(max(found)) == 29
    assert max(found) == 1.0
    assert found[0] == pytest.approx(1 / 25, rel=0.1)
    assert found[-1] == pytest.approx(1 / 250_000)


@given(
    st.sampled_from(["constant", "cosine", "onecycle", "step"]),
    st.integers(1, 30),
    st.integers(1, 50),
    st.floats(0, 1, exclude_max=True),
)
def test_every_factor_lies_between_0_and_1(name: str, epochs: int, steps: int, share: float) -> None:
    more: dict[str, Any] = {"step_epochs": 3} if name == "step" else {}
    if name != "onecycle":
        more["warmup_epochs"] = share * epochs
    for factor in factors(epochs, steps, name=name, **more):
        assert math.isfinite(factor)
        assert 0 <= factor <= 1
