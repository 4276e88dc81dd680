"""What a network makes of images that it does not learn from: loss, accuracy, the classes it predicts and how surely.

Shapes: B images of a batch, N of a data set, C channels, H height, W width, K classes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from worker.engine.batch_source import BatchSource
from worker.engine.losses import Loss


@dataclass(frozen=True)
class Evaluation:
    loss: float
    accuracy: float
    predicted: np.ndarray
    """The class of each image, N, int64."""
    probability: np.ndarray
    """What softmax makes of the output for that class, N, float32; NaN where the output holds no numbers."""


@torch.inference_mode()
def evaluate(
    network: nn.Module, images: BatchSource, loss: Loss, batch_size: int, should_stop: Callable[[], bool]
) -> Evaluation | None:
    """Return the means over all images and the predictions, or None as soon as `should_stop` says so."""
    network.eval()
    loss_sum = torch.zeros((), dtype=torch.float64, device=images.device)
    correct = torch.zeros((), dtype=torch.int64, device=images.device)
    predicted: list[Tensor] = []
    probability: list[Tensor] = []
    for picked_B in torch.arange(len(images)).split(batch_size):
        if should_stop():
            return None
        batch_BCHW, labels_B = images.batch(picked_B)
        logits_BK = network(batch_BCHW)
        loss_sum += loss(logits_BK, labels_B) * len(labels_B)
        predicted_B = logits_BK.argmax(dim=1)
        correct += (predicted_B == labels_B).sum()
        predicted.append(predicted_B)
        # Once, whatever the loss: one that takes probabilities for logits makes them of these very outputs.
        probability.append(logits_BK.softmax(dim=1).amax(dim=1))
    classes_N, probability_N = (torch.cat(batches).cpu().numpy() for batches in (predicted, probability))
    return Evaluation(loss_sum.item() / len(images), correct.item() / len(images), classes_N, probability_N)


def encoded(classes_N: np.ndarray, class_count: int) -> bytes:
    """Return class indices as unsigned integers, little-endian, of 1 byte where there are 256 classes at most, else 2."""
    assert class_count <= 2**16, class_count
    return classes_N.astype("u1" if class_count <= 256 else "<u2").tobytes()
