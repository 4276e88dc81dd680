"""What a training tells of itself before its first batch: facts to be kept, and lines for people."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from backend.spec import Spec
from worker.engine.batches import subset
from worker.engine.data import Dataset
from worker.engine.environment import environment
from worker.engine.evaluate import encoded
from worker.engine.mistakes import Album
from worker.engine.models import parameter_count, trained_parameter_count
from worker.engine.recorder import Recorder
from worker.engine.weights import StartingWeights


def tell(
    recorder: Recorder,
    spec: Spec,
    dataset: Dataset,
    device: torch.device,
    told: dict[str, Any],
    lines: list[str],
) -> Album:
    """Tell what is trained, on what and where; return the images that it is tested on."""
    positions_N, digest = _test_set(spec, dataset)
    labels_N = dataset.test_labels[positions_N]
    recorder.environment({**environment(dataset, device), **told, "test_set": digest})
    recorder.test_set(digest, dataset.classes, encoded(labels_N, len(dataset.classes)))
    for line in (
        *lines,
        *_data_lines(spec, dataset),
        f"device {device.type}, {torch.get_num_threads()} threads",
    ):
        recorder.log(line)
    return Album(dataset.test_images, positions_N, labels_N, recorder.log)


def model_line(spec: Spec, network: nn.Module, weights: StartingWeights | None) -> str:
    """Say what is trained, how much of it, and from where."""
    there, trained = parameter_count(network), trained_parameter_count(network)
    start = f", with {weights.about}" if weights else ""
    share = "all trained" if trained == there else f"{trained:,} trained"
    return f"{spec.model.arch}: {there:,} parameters, {share}{start}"


def _test_set(spec: Spec, dataset: Dataset) -> tuple[np.ndarray, str]:
    """Return the places of the images that are tested on, and the hash of what that is: the data, and these places."""
    chosen_N = subset(dataset.test_labels, spec.dataset.test_limit)
    positions_N = np.arange(len(dataset.test_labels)) if chosen_N is None else chosen_N.numpy()
    digest = hashlib.sha256(f"{dataset.hash} ".encode() + positions_N.astype("<i8").tobytes())
    return positions_N, digest.hexdigest()


def _data_lines(spec: Spec, dataset: Dataset) -> Iterator[str]:
    pixels = spec.dataset.image_size or dataset.pixels
    limits = (
        ("train_limit", spec.dataset.train_limit, len(dataset.train_labels)),
        ("test_limit", spec.dataset.test_limit, len(dataset.test_labels)),
    )
    train, test = (min(limit or there, there) for _, limit, there in limits)
    kept_back = (
        f" ({spec.dataset.validation:.0%} of them kept back to validate on)"
        if spec.dataset.validation
        else ""
    )
    yield (
        f"data set {dataset.name} {dataset.hash[:12]}: {train:,} training{kept_back} and "
        f"{test:,} test images, {len(dataset.classes)} classes, {pixels} px"
    )
    yield from dataset.notes
    for field, limit, there in limits:
        if limit and limit > there:
            yield f"warning: dataset.{field} is {limit:,}, and there are {there:,} images: all are used"
