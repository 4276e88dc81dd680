"""Real small trainings in numpy: a layer or a few by plain minibatch SGD, told in the numbers that a run stores.

Faults are those that people make: a rate, a start, a loss or data as they should not be. No number is drawn as a curve.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.simulated.images import Data, Part


@dataclass(frozen=True)
class Settings:
    """`rate` is the learning rate, or gives it by epoch (from 1). `start` scales the usual random weights."""

    epochs: int = 20
    rate: float | Callable[[int], float] = 0.1
    batch: int = 50
    hidden: tuple[int, ...] = ()
    momentum: float = 0.0
    weight_decay: float = 0.0
    smoothing: float = 0.0
    twice: bool = False
    """Cross-entropy of probabilities: softmax is applied once by the network and once more by the loss."""
    naive: bool = False
    """Softmax as in the textbook, without the largest logit subtracted: it overflows."""
    start: float = 1.0
    hidden_bias: float = 0.0
    output_bias: tuple[float, ...] = ()
    input_noise: float = 0.0
    shuffled_epochs: tuple[int, ...] = ()
    """Epochs in which labels and points do not belong together."""
    patience: int | None = None
    """Stops after so many epochs without a lower validation loss."""

    def rate_at(self, epoch: int) -> float:
        return self.rate(epoch) if callable(self.rate) else self.rate


@dataclass(frozen=True)
class Trained:
    """`series` are the stored metrics, `predicted` how many test points each class was predicted for, by epoch."""

    series: dict[str, list[float]]
    predicted: dict[int, list[int]]
    weights: list[np.ndarray]


def trained(
    chance: np.random.Generator, data: Data, settings: Settings, weights: list[np.ndarray] | None = None
) -> Trained:
    """Train from a random start, or on from `weights`. Training figures are means over the epoch, as it goes."""
    layers = weights or _start(chance, data, settings)
    velocity = [np.zeros_like(layer) for layer in layers]
    series: dict[str, list[float]] = {}
    predicted: dict[int, list[int]] = {}
    # A training that diverges overflows: that is what is simulated.
    with np.errstate(all="ignore"):
        for epoch in range(1, settings.epochs + 1):
            rate = settings.rate_at(epoch)
            figures = {"train": _epoch(chance, data, settings, layers, velocity, epoch)}
            if data.validation:
                figures["val"] = _tested(data.validation, settings, layers)[:2]
            *figures["test"], answers_N = _tested(data.test, settings, layers)
            for name, (loss, accuracy) in figures.items():
                series.setdefault(f"{name}_loss", []).append(loss)
                series.setdefault(f"{name}_acc", []).append(accuracy)
            series.setdefault("lr", []).append(rate)
            predicted[epoch] = np.bincount(answers_N, minlength=data.classes).tolist()
            if settings.patience and _is_over(series["val_loss"], settings.patience):
                break
    return Trained(series, predicted, layers)


def _start(chance: np.random.Generator, data: Data, settings: Settings) -> list[np.ndarray]:
    """Return weights and biases, one layer after the other, as `torch.nn.Linear` starts: uniform, by 1/sqrt(inputs)."""
    sizes = [data.train.points.shape[1], *settings.hidden, data.classes]
    layers: list[np.ndarray] = []
    for inputs, outputs in itertools.pairwise(sizes):
        edge = settings.start / np.sqrt(inputs)
        layers.append(chance.uniform(-edge, edge, size=(inputs, outputs)).astype(np.float32))
        layers.append(chance.uniform(-edge, edge, size=outputs).astype(np.float32))
    for bias in layers[1:-1:2]:
        bias += settings.hidden_bias
    if settings.output_bias:
        layers[-1] += np.float32(settings.output_bias)
    return layers


def _epoch(
    chance: np.random.Generator,
    data: Data,
    settings: Settings,
    layers: list[np.ndarray],
    velocity: list[np.ndarray],
    epoch: int,
) -> tuple[float, float]:
    points_ND, labels_N = data.train.points, data.train.labels
    if epoch in settings.shuffled_epochs:
        labels_N = chance.permutation(labels_N)
    loss = right = 0.0
    for places in np.array_split(chance.permutation(len(labels_N)), max(1, len(labels_N) // settings.batch)):
        batch_BD, labels_B = points_ND[places], labels_N[places]
        if settings.input_noise:
            noise_BD = chance.normal(size=batch_BD.shape).astype(np.float32)
            batch_BD = batch_BD + settings.input_noise * noise_BD
        outputs = _outputs(batch_BD, layers)
        losses_B, gradient_BC = _loss(outputs[-1], labels_B, settings)
        loss += float(losses_B.sum())
        right += float((outputs[-1].argmax(axis=1) == labels_B).sum())
        for place, gradient in enumerate(_gradients(outputs, layers, gradient_BC / len(places))):
            velocity[place] *= np.float32(settings.momentum)
            velocity[place] += gradient + np.float32(settings.weight_decay) * layers[place]
            layers[place] -= np.float32(settings.rate_at(epoch)) * velocity[place]
    return loss / len(labels_N), right / len(labels_N)


def _outputs(points_ND: np.ndarray, layers: list[np.ndarray]) -> list[np.ndarray]:
    """Return what goes into each layer, and the logits at the end."""
    outputs = [points_ND]
    for place in range(0, len(layers), 2):
        out_NH = outputs[-1] @ layers[place] + layers[place + 1]
        outputs.append(np.maximum(out_NH, 0) if place + 2 < len(layers) else out_NH)
    return outputs


def _gradients(
    outputs: list[np.ndarray], layers: list[np.ndarray], gradient_NH: np.ndarray
) -> list[np.ndarray]:
    found: list[np.ndarray] = []
    for place in range(len(layers) - 2, -1, -2):
        into = outputs[place // 2]
        found = [into.T @ gradient_NH, gradient_NH.sum(axis=0), *found]
        gradient_NH = (gradient_NH @ layers[place].T) * (into > 0)
    return found


def _softmax(logits_NC: np.ndarray, naive: bool = False) -> np.ndarray:
    above = 0 if naive else logits_NC.max(axis=1, keepdims=True)
    powers_NC = np.exp(logits_NC - above)
    return powers_NC / powers_NC.sum(axis=1, keepdims=True)


def _loss(logits_NC: np.ndarray, labels_N: np.ndarray, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Return the cross-entropy of each point and its gradient on the logits."""
    classes = logits_NC.shape[1]
    wanted_NC = np.full(logits_NC.shape, settings.smoothing / classes, np.float32)
    wanted_NC[np.arange(len(labels_N)), labels_N] += 1 - settings.smoothing
    once_NC = _softmax(logits_NC, settings.naive)
    if settings.twice:
        twice_NC = _softmax(once_NC)
        by_probability_NC = twice_NC - wanted_NC
        pull_N1 = (once_NC * by_probability_NC).sum(axis=1, keepdims=True)
        return -(wanted_NC * np.log(twice_NC)).sum(axis=1), once_NC * (by_probability_NC - pull_N1)
    if settings.naive:
        return -(wanted_NC * np.log(once_NC)).sum(axis=1), once_NC - wanted_NC
    shifted_NC = logits_NC - logits_NC.max(axis=1, keepdims=True)
    log_NC = shifted_NC - np.log(np.exp(shifted_NC).sum(axis=1, keepdims=True))
    return -(wanted_NC * log_NC).sum(axis=1), once_NC - wanted_NC


def _tested(part: Part, settings: Settings, layers: list[np.ndarray]) -> tuple[float, float, np.ndarray]:
    logits_NC = _outputs(part.points, layers)[-1]
    losses_N, _ = _loss(logits_NC, part.labels, settings)
    answers_N = logits_NC.argmax(axis=1)
    return float(losses_N.mean()), float((answers_N == part.labels).mean()), answers_N


def _is_over(losses: list[float], patience: int) -> bool:
    best = min(range(len(losses)), key=losses.__getitem__)
    return len(losses) - 1 - best >= patience
