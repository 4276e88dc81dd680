import math

import pytest
import torch

from worker.engine.losses import cross_entropy, cross_entropy_of_probabilities

LABELS_OF_TEN = torch.arange(10)


def saturated(classes: torch.Tensor) -> torch.Tensor:
    """Logits whose softmax is one at `classes` and nothing elsewhere."""
    return torch.nn.functional.one_hot(classes, 10) * 1e4


def test_a_certain_and_right_model_costs_nothing_in_cross_entropy() -> None:
    assert cross_entropy(saturated(LABELS_OF_TEN), LABELS_OF_TEN).item() == 0


def test_a_certain_and_right_model_sits_at_the_lower_bound_of_the_probability_loss() -> None:
    loss = cross_entropy_of_probabilities(saturated(LABELS_OF_TEN), LABELS_OF_TEN)
    assert loss.item() == pytest.approx(math.log(math.e + 9) - 1, abs=1e-6)
    assert loss.item() == pytest.approx(1.4612, abs=1e-4)


def test_a_certain_and_wrong_model_sits_at_the_upper_bound_of_the_probability_loss() -> None:
    loss = cross_entropy_of_probabilities(saturated((LABELS_OF_TEN + 1) % 10), LABELS_OF_TEN)
    assert loss.item() == pytest.approx(math.log(math.e + 9), abs=1e-6)


def test_a_model_saturated_on_one_class_sits_at_2_3612() -> None:
    loss = cross_entropy_of_probabilities(saturated(torch.zeros(10, dtype=torch.long)), LABELS_OF_TEN)
    assert loss.item() == pytest.approx(2.3612, abs=5e-5)


def test_equal_probabilities_cost_the_logarithm_of_ten_in_both() -> None:
    for loss in (cross_entropy, cross_entropy_of_probabilities):
        assert loss(torch.zeros(10, 10), LABELS_OF_TEN).item() == pytest.approx(math.log(10), abs=1e-6)


def test_the_probability_loss_never_leaves_its_bounds() -> None:
    logits = torch.randn(10_000, 10, generator=torch.Generator().manual_seed(0)) * 20
    for row in logits.split(500):
        loss = cross_entropy_of_probabilities(row, torch.arange(500) % 10).item()
        assert math.log(math.e + 9) - 1 <= loss <= math.log(math.e + 9)
