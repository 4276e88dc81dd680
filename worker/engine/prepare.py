"""All that stands ready before the first epoch: the network, its batches, the optimizer, and what was told of them."""

import hashlib
import random
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from backend.catalog.models import check_image_size
from backend.errors import InvalidSpec
from backend.spec import Spec
from worker.engine.batch_source import BatchSource
from worker.engine.batches import both_halves, subset
from worker.engine.data import Dataset
from worker.engine.device import choose_device, set_up
from worker.engine.environment import about_model, about_weights, environment
from worker.engine.evaluate import encoded
from worker.engine.feature_making import Features, obtain_features
from worker.engine.losses import LOSSES, Loss
from worker.engine.mistakes import Album
from worker.engine.models import (
    build_model,
    has_batch_norm,
    has_convolutions,
    input_channels,
    parameter_count,
    trained_parameter_count,
)
from worker.engine.optimizers import build_optimizer
from worker.engine.recorder import Recorder
from worker.engine.weights import StartingWeights


@dataclass(frozen=True)
class TrainOptions:
    """What may differ from machine to machine without making it another training."""

    device: str = "auto"
    checkpoint_seconds: float = 30.0
    threads: int = 0
    """Threads of torch on the CPU; 0: one for softmax regression, else what torch is set to."""
    deterministic: bool = True
    features_bytes: int = sys.maxsize
    """Quota of the features on this machine's disk; without one they take what the disk has."""


@dataclass(frozen=True)
class Prepared:
    """A training that can begin, or go on from a checkpoint. `album` shows what it takes for another class."""

    device: torch.device
    network: nn.Module
    train: BatchSource
    test: BatchSource
    loss_of: Loss
    optimizer: torch.optim.Optimizer
    album: Album


@contextmanager
def prepared(
    spec: Spec,
    dataset: Dataset,
    recorder: Recorder,
    *,
    weights: StartingWeights | None,
    features_folder: Path | None,
    options: TrainOptions,
) -> Iterator[Prepared]:
    """Lend a training at its start; features on the disk are held as long.

    Raises:
        InvalidSpec: the spec does not fit the data, the model or this machine.
        Stopped: the recorder said so while features were made.
    """
    check_image_size(_seeing_arch(spec), spec.dataset.image_size or dataset.pixels)
    device = choose_device(options.device)
    set_up(device, threads=options.threads, deterministic=options.deterministic)
    if spec.features is None:
        yield _on_images(spec, dataset, recorder, weights, device, options)
        return
    made = obtain_features(
        spec,
        dataset,
        recorder,
        weights=weights,
        folder=features_folder,
        quota_bytes=options.features_bytes,
        device=device,
    )
    with closing(made):
        yield _on_features(spec, dataset, recorder, weights, made, device, options)


def _on_images(
    spec: Spec,
    dataset: Dataset,
    recorder: Recorder,
    weights: StartingWeights | None,
    device: torch.device,
    options: TrainOptions,
) -> Prepared:
    random.seed(spec.seed)
    channels = input_channels(spec, dataset.channels)
    network, changes = build_model(
        spec.model,
        classes=len(dataset.classes),
        channels=channels,
        pixels=spec.dataset.image_size or dataset.pixels,
        seed=spec.seed,
        weights=weights,
    )
    channels_last = has_convolutions(network)
    _use_one_thread_for_a_single_layer(device, options, alone=not channels_last)
    network.to(device)
    if channels_last:
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - its stubs miss this form
    train, test = both_halves(
        dataset,
        spec.dataset,
        channels=channels,
        batch_size=spec.batch_size,
        eval_batch_size=spec.eval_batch_size,
        channels_last=channels_last,
        device=device,
    )
    _refuse_a_last_batch_of_one(spec, network, len(train))
    told = {"model": about_model(network, changes), "weights": about_weights(weights), "features": None}
    lines = [*map(str, changes), _model_line(spec, network, weights)]
    album = _tell(recorder, spec, dataset, device, told, lines)
    return _ready(spec, network, train, test, device, album)


def _on_features(
    spec: Spec,
    dataset: Dataset,
    recorder: Recorder,
    weights: StartingWeights | None,
    features: Features,
    device: torch.device,
    options: TrainOptions,
) -> Prepared:
    # After the features, whether they were made or found: the random numbers are the same then.
    random.seed(spec.seed)
    network, _ = build_model(
        spec.model, classes=len(dataset.classes), channels=features.dimension, pixels=1, seed=spec.seed
    )
    _use_one_thread_for_a_single_layer(device, options, alone=not features.are_remade)
    network.to(device)
    told = {"model": about_model(network, []), "weights": about_weights(weights), "features": features.facts}
    assert spec.features
    start = weights.about if weights else "a random start"
    lines = [
        f"features of {spec.features.arch}, all frozen, with {start}",
        features.line,
        _model_line(spec, network, None),
    ]
    album = _tell(recorder, spec, dataset, device, told, lines)
    return _ready(spec, network, features.train, features.test, device, album)


def _ready(
    spec: Spec,
    network: nn.Module,
    train: BatchSource,
    test: BatchSource,
    device: torch.device,
    album: Album,
) -> Prepared:
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = build_optimizer(spec.optimizer, trained, device)
    return Prepared(device, network, train, test, LOSSES[spec.loss.name], optimizer, album)


def _use_one_thread_for_a_single_layer(device: torch.device, options: TrainOptions, *, alone: bool) -> None:
    # The steps of a single layer are so short that threads wait for each other longer than they work:
    # on a busy machine of two cores, 6 s an epoch with two threads and 0.6 s with one.
    if alone and not options.threads:
        set_up(device, threads=1, deterministic=options.deterministic)


def _seeing_arch(spec: Spec) -> str:
    """Return the network that sees the images."""
    return spec.features.arch if spec.features else spec.model.arch


def _refuse_a_last_batch_of_one(spec: Spec, network: nn.Module, count: int) -> None:
    if spec.model.trained != "all" or not has_batch_norm(network):
        return
    arch, size = spec.model.arch, spec.batch_size
    if count == 1:
        raise InvalidSpec(
            f"There is one training image; {arch} has batch norm and needs at least two in a batch."
        )
    if not _leaves_one(count, size):
        return
    better = next(larger for larger in range(size + 1, size + count + 1) if not _leaves_one(count, larger))
    if size == 1:
        raise InvalidSpec(
            f"batch_size is 1; {arch} has batch norm and needs at least two images in a batch: take {better}."
        )
    raise InvalidSpec(
        f"batch_size is {size} and leaves a last batch of one of {count} training images; "
        f"{arch} has batch norm and needs at least two: take {better}."
    )


def _leaves_one(count: int, size: int) -> bool:
    return (count % size or size) == 1


def _tell(
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


def _test_set(spec: Spec, dataset: Dataset) -> tuple[np.ndarray, str]:
    """Return the places of the images that are tested on, and the hash of what that is: the data, and these places."""
    chosen_N = subset(dataset.test_labels, spec.dataset.test_limit)
    positions_N = np.arange(len(dataset.test_labels)) if chosen_N is None else chosen_N.numpy()
    digest = hashlib.sha256(f"{dataset.hash} ".encode() + positions_N.astype("<i8").tobytes())
    return positions_N, digest.hexdigest()


def _model_line(spec: Spec, network: nn.Module, weights: StartingWeights | None) -> str:
    there, trained = parameter_count(network), trained_parameter_count(network)
    start = f", with {weights.about}" if weights else ""
    share = "all trained" if trained == there else f"{trained:,} trained"
    return f"{spec.model.arch}: {there:,} parameters, {share}{start}"


def _data_lines(spec: Spec, dataset: Dataset) -> Iterator[str]:
    pixels = spec.dataset.image_size or dataset.pixels
    limits = (
        ("train_limit", spec.dataset.train_limit, len(dataset.train_labels)),
        ("test_limit", spec.dataset.test_limit, len(dataset.test_labels)),
    )
    train, test = (min(limit or there, there) for _, limit, there in limits)
    yield (
        f"data set {dataset.name} {dataset.hash[:12]}: {train:,} training and "
        f"{test:,} test images, {len(dataset.classes)} classes, {pixels} px"
    )
    yield from dataset.notes
    for field, limit, there in limits:
        if limit and limit > there:
            yield f"warning: dataset.{field} is {limit:,}, and there are {there:,} images: all are used"
