"""The evaluation: means, predictions, and what happens where memory is short."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from backend.spec import DatasetSpec
from tests.worker.tiny import tiny_dataset
from worker.engine.batches import Images, both_halves
from worker.engine.device import OutOfMemory
from worker.engine.evaluate import Evaluator

CPU = torch.device("cpu")


class OnASmallMachine(nn.Module):
    def __init__(self, most: int) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.layer = nn.Linear(12 * 12 * 3, 10)
        self.most = most
        self.seen: list[int] = []

    def forward(self, batch: Tensor) -> Tensor:
        if len(batch) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        self.seen.append(len(batch))
        return self.layer(batch.flatten(1))


@pytest.fixture
def images(tmp_path: Path) -> Images:
    return both_halves(
        tiny_dataset(tmp_path),
        DatasetSpec(name="tiny"),
        channels=3,
        batch_size=8,
        eval_batch_size=16,
        channels_last=False,
        device=CPU,
    ).test


def evaluator(batch_size: int = 16, tell: Callable[[str], None] = lambda _: None) -> Evaluator:
    return Evaluator(functional.cross_entropy, batch_size, device=CPU, tell=tell)


def test_the_means_are_over_all_images_whatever_the_batches(images: Images) -> None:
    network = OnASmallMachine(most=40)
    evaluated = evaluator()(network, images, lambda: False)
    batch, labels = (part.clone() for part in images.batch(torch.arange(16)))
    assert evaluated is not None
    assert network.seen == [16, 16, 8]
    assert (evaluated.predicted[:16] == network(batch).argmax(dim=1).numpy()).all()
    small = evaluator(batch_size=7)(network, images, lambda: False)
    assert small is not None
    assert small.loss == pytest.approx(evaluated.loss)
    assert small.accuracy == evaluated.accuracy
    assert len(evaluated.predicted) == len(evaluated.probability) == 40
    assert labels.shape == (16,)


def test_out_of_memory_it_goes_on_with_smaller_batches_and_says_so(images: Images) -> None:
    lines: list[str] = []
    network = OnASmallMachine(most=5)
    evaluate = evaluator(tell=lines.append)
    evaluated, fitting = (
        evaluate(network, images, lambda: False),
        evaluator(4)(network, images, lambda: False),
    )
    assert evaluated is not None
    assert fitting is not None
    assert (evaluated.loss, evaluated.accuracy) == (fitting.loss, fitting.accuracy)
    assert [line[:73] for line in lines] == [
        "warning: out of memory in the evaluation with 16 images at once. From her",
        "warning: out of memory in the evaluation with 8 images at once. From here",
    ]
    evaluate(network, images, lambda: False)
    assert len(lines) == 2


def test_where_not_even_one_image_fits_it_ends_with_a_sentence(images: Images) -> None:
    with pytest.raises(OutOfMemory, match="in the evaluation, with a single image"):
        evaluator()(OnASmallMachine(most=0), images, lambda: False)


def test_it_stops_between_batches(images: Images) -> None:
    asked = iter([False, True])
    network = OnASmallMachine(most=40)
    assert evaluator()(network, images, lambda: next(asked)) is None
    assert network.seen == [16]
