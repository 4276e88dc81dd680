"""What a network makes of images that it does not learn from: loss, accuracy, the classes it predicts and how surely.

Shapes: B images of a batch, N of a data set, C channels, H height, W width, K classes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from worker.engine.batch_source import BatchSource
from worker.engine.device import OutOfMemory, free_unused_memory, is_out_of_memory, memory_text
from worker.engine.group import ALONE, Group
from worker.engine.losses import Loss


@dataclass(frozen=True)
class Evaluation:
    loss: float
    accuracy: float
    predicted: np.ndarray
    """The class of each image, N, int64."""
    probability: np.ndarray
    """What softmax makes of the output for that class, N, float32; NaN where the output holds no numbers."""


class Evaluator:
    """Evaluates a network on images, in smaller batches once those asked for do not fit into memory."""

    def __init__(
        self,
        loss_of: Loss,
        batch_size: int,
        *,
        device: torch.device,
        group: Group = ALONE,
        bf16: bool = False,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._loss_of = loss_of
        self._batch_size = batch_size
        self._device = device
        self._group = group
        self._bf16 = bf16
        self._tell = tell

    @torch.inference_mode()
    def __call__(
        self, network: nn.Module, images: BatchSource, should_stop: Callable[[], bool]
    ) -> Evaluation | None:
        """Return the means over all images and the predictions, or None as soon as `should_stop` says so.

        Raises:
            OutOfMemory: not even one image at once fits.
        """
        network.eval()
        while True:
            try:
                return self._evaluated(network, images, should_stop)
            except (RuntimeError, MemoryError) as problem:
                if not is_out_of_memory(problem):
                    raise
            self._halve()

    def _evaluated(
        self, network: nn.Module, images: BatchSource, should_stop: Callable[[], bool]
    ) -> Evaluation | None:
        loss_sum = torch.zeros((), dtype=torch.float64, device=self._device)
        correct = torch.zeros((), dtype=torch.int64, device=self._device)
        predicted = [torch.empty(0, dtype=torch.int64, device=self._device)]
        probability = [torch.empty(0, device=self._device)]
        for picked_B in self._group.share(torch.arange(len(images))).split(self._batch_size):
            # A share of no image is split into one part of none.
            if len(picked_B) == 0:
                break
            if should_stop():
                return None
            batch, labels_B = images.batch(picked_B)
            with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
                logits_BK = network(batch)
            logits_BK = logits_BK.float()
            loss_sum += self._loss_of(logits_BK, labels_B) * len(labels_B)
            predicted_B = logits_BK.argmax(dim=1)
            correct += (predicted_B == labels_B).sum()
            predicted.append(predicted_B)
            # Once, whatever the loss: one that takes probabilities for logits makes them of these very outputs.
            probability.append(logits_BK.softmax(dim=1).amax(dim=1))
        self._group.sum(loss_sum)
        self._group.sum(correct)
        classes_N, probability_N = (
            self._group.joined(torch.cat(batches)).numpy() for batches in (predicted, probability)
        )
        count = len(images)
        return Evaluation(loss_sum.item() / count, correct.item() / count, classes_N, probability_N)

    def _halve(self) -> None:
        if self._batch_size == 1:
            raise OutOfMemory(
                f"Out of memory in the evaluation, with a single image.{memory_text(self._device)} "
                "Take a smaller dataset.image_size."
            )
        size, self._batch_size = self._batch_size, -(-self._batch_size // 2)
        free_unused_memory(self._device)
        self._tell(
            f"warning: out of memory in the evaluation with {size:,} images at once.{memory_text(self._device)} "
            f"From here on it takes {self._batch_size:,}."
        )


def encoded(classes_N: np.ndarray, class_count: int) -> bytes:
    """Return class indices as unsigned integers, little-endian, of 1 byte where there are 256 classes at most, else 2."""
    assert class_count <= 2**16, class_count
    return classes_N.astype("u1" if class_count <= 256 else "<u2").tobytes()
