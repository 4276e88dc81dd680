"""Loss and accuracy of a network on images it does not learn from."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from worker.engine.batches import Images
from worker.engine.losses import Loss


@dataclass(frozen=True)
class Evaluation:
    loss: float
    accuracy: float


@torch.inference_mode()
def evaluate(
    network: nn.Module, images: Images, loss: Loss, batch_size: int, should_stop: Callable[[], bool]
) -> Evaluation | None:
    """Return the means over all images, or None as soon as `should_stop` says so."""
    network.eval()
    loss_sum = torch.zeros((), dtype=torch.float64, device=images.device)
    correct = torch.zeros((), dtype=torch.int64, device=images.device)
    for picked_B in torch.arange(len(images)).split(batch_size):
        if should_stop():
            return None
        batch_BCHW, labels_B = images.batch(picked_B)
        logits_BK = network(batch_BCHW)
        loss_sum += loss(logits_BK, labels_B) * len(labels_B)
        correct += (logits_BK.argmax(dim=1) == labels_B).sum()
    return Evaluation(loss_sum.item() / len(images), correct.item() / len(images))
