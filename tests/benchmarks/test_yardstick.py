"""The yardstick learns what the engine learns from the same start: else a comparison of their speeds says nothing."""

from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import yardstick
from tests.worker.tiny import tiny_dataset, tiny_spec, trained

CPU = torch.device("cpu")
FEATURES = {"features": {"arch": "resnet18", "node": "layer1", "pooling": "average"}}
TWICE_SOFTMAX = {"loss": {"name": "cross_entropy_of_probabilities"}}


@pytest.mark.parametrize(
    "changes", [{}, TWICE_SOFTMAX, FEATURES], ids=["pixels", "softmax twice", "features"]
)
def test_the_yardstick_learns_what_the_engine_learns(tmp_path: Path, changes: dict[str, Any]) -> None:
    dataset = tiny_dataset(tmp_path / "data")
    size = {"dataset": {"image_size": 32, "train_limit": 96, "test_limit": 30}}
    spec = tiny_spec(**size, **changes)
    plain = yardstick.train(spec, dataset, CPU)
    _, engine = trained(spec, dataset, tmp_path / "runs")
    assert [epoch.train_loss for epoch in plain] == pytest.approx(engine.series("train_loss"), abs=1e-5)
    assert [epoch.train_acc for epoch in plain] == engine.series("train_acc")
    assert [epoch.test_acc for epoch in plain] == engine.series("test_acc")


def test_the_yardstick_makes_no_secret_of_what_it_cannot_do(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        yardstick.train(tiny_spec(optimizer={"momentum": 0.9}), tiny_dataset(tmp_path), CPU)


def test_the_yardstick_stops_after_the_batch_that_says_so(tmp_path: Path) -> None:
    batches = iter([False, False, True])
    assert yardstick.train(tiny_spec(), tiny_dataset(tmp_path), CPU, after_batch=lambda: next(batches)) == []
    assert list(batches) == []
