"""The losses, by the names of `backend.spec.LossSpec`. Each is the mean over the batch, in nats."""

from collections.abc import Callable
from functools import partial

from torch import Tensor
from torch.nn import functional

from backend.spec import LossSpec

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits_BK: Tensor, labels_B: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Return the cross-entropy of logits."""
    return functional.cross_entropy(logits_BK, labels_B, label_smoothing=label_smoothing)


def cross_entropy_of_probabilities(
    logits_BK: Tensor, labels_B: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    """Return the cross-entropy of probabilities taken for logits: softmax is applied twice, as published.

    A probability lies in [0, 1], so for K classes the loss cannot leave [ln(e + K - 1) - 1, ln(e + K - 1)]:
    for ten, [1.4612, 2.4612]. All probabilities equal gives ln 10 = 2.3026. A model saturated on one class
    sits, on data balanced over ten, at ln(e + 9) - 1/10 = 2.3612, with hardly a gradient left to leave it.
    """
    return functional.cross_entropy(logits_BK.softmax(dim=1), labels_B, label_smoothing=label_smoothing)


LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": cross_entropy,
    "cross_entropy_of_probabilities": cross_entropy_of_probabilities,
}


def training_loss(spec: LossSpec) -> Loss:
    """Return the loss that is minimised."""
    if not spec.label_smoothing:
        return LOSSES[spec.name]
    return partial(LOSSES[spec.name], label_smoothing=spec.label_smoothing)


def tested_loss(spec: LossSpec) -> Loss:
    """Return the loss that is told of images that are not learned from: never smoothed, so that it can be compared."""
    return LOSSES[spec.name]
