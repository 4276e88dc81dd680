"""All that stands ready before the first epoch: the network, its batches, the optimizer, and what was told of them."""

import math
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from backend.catalog.models import SOFTMAX_REGRESSION, check_image_size
from backend.spec import Spec
from worker.engine.average import Average
from worker.engine.batch_norm import check_last_batch
from worker.engine.batch_source import BatchSource
from worker.engine.batches import both_halves
from worker.engine.data import Dataset
from worker.engine.device import choose_device, set_up
from worker.engine.environment import about_model, about_weights
from worker.engine.evaluate import Evaluator
from worker.engine.feature_making import Features, obtain_features
from worker.engine.group import ALONE, Group
from worker.engine.losses import tested_loss, training_loss
from worker.engine.mistakes import Album
from worker.engine.models import build_model, has_convolutions, input_channels
from worker.engine.optimizers import build_optimizer
from worker.engine.precision import Decision, decide_compile, decide_precision
from worker.engine.recorder import Recorder
from worker.engine.schedules import Schedule, schedule_of
from worker.engine.step import TrainingStep
from worker.engine.step_series import StepSeries
from worker.engine.stopping import EarlyStopping
from worker.engine.telling import model_line, tell
from worker.engine.trained import Trained
from worker.engine.weights import StartingWeights


@dataclass(frozen=True)
class TrainOptions:
    """What may differ from machine to machine without making it another training."""

    device: str = "auto"
    checkpoint_seconds: float = 30.0
    """Least time between two checkpoints at the ends of epochs."""
    within_epoch_seconds: float = 60.0
    """The same within an epoch that takes longer."""
    threads: int = 0
    """Threads of torch on the CPU; 0: one for softmax regression, else what torch is set to."""
    features_bytes: int = sys.maxsize
    """Quota of the features on this machine's disk; without one they take what the disk has."""
    group: Group = ALONE


@dataclass(frozen=True)
class Prepared:
    """A training that can begin, or go on from a checkpoint. `album` shows what it takes for another class."""

    trained: Trained
    train: BatchSource
    validation: BatchSource | None
    test: BatchSource
    schedule: Schedule
    steps_per_epoch: int
    evaluate: Evaluator
    step_series: StepSeries | None
    album: Album


@dataclass(frozen=True)
class _Place:
    """Where it is trained, with what was decided there."""

    device: torch.device
    options: TrainOptions
    precision: Decision
    compiled: Decision

    @property
    def told(self) -> dict[str, Any]:
        return {
            "precision": self.precision.to_json(),
            "compile": self.compiled.to_json(),
            "devices": self.options.group.size,
        }

    @property
    def lines(self) -> list[str]:
        size = self.options.group.size
        together = [f"{size} processes, one a device, share each batch"] if size > 1 else []
        return [
            f"precision {self.precision}, compilation {self.compiled}",
            *together,
        ]


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
    seeing_arch = spec.features.arch if spec.features else spec.model.arch
    check_image_size(seeing_arch, spec.dataset.image_size or dataset.pixels)
    place = _place(spec, dataset, options)
    if spec.features is None:
        yield _on_images(spec, dataset, recorder, weights, place)
        return
    made = obtain_features(
        spec,
        dataset,
        recorder,
        weights=weights,
        folder=features_folder,
        quota_bytes=options.features_bytes,
        device=place.device,
    )
    with closing(made):
        yield _on_features(spec, dataset, recorder, weights, made, place)


def _place(spec: Spec, dataset: Dataset, options: TrainOptions) -> _Place:
    device = choose_device(options.device, options.group.rank)
    single_layer = spec.model.arch == SOFTMAX_REGRESSION
    precision = decide_precision(spec.precision, device, single_layer=single_layer)
    set_up(device, threads=options.threads, deterministic=spec.deterministic, precision=precision.used)
    images = min(spec.dataset.train_limit or len(dataset.train_labels), len(dataset.train_labels))
    pixels = spec.dataset.image_size or dataset.pixels
    return _Place(device, options, precision, decide_compile(spec, device, images=images, pixels=pixels))


def _on_images(
    spec: Spec, dataset: Dataset, recorder: Recorder, weights: StartingWeights | None, place: _Place
) -> Prepared:
    channels, device = input_channels(spec, dataset.channels), place.device
    pixels = spec.dataset.image_size or dataset.pixels
    began = time.perf_counter()
    network, changes = build_model(
        spec.model,
        classes=len(dataset.classes),
        channels=channels,
        pixels=pixels,
        seed=spec.seed,
        weights=weights,
    )
    channels_last = has_convolutions(network)
    _use_one_thread_for_a_single_layer(spec, place, alone=not channels_last)
    network.to(device)
    if channels_last:
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - its stubs miss this form
    built = _built_line(began)
    images = both_halves(
        dataset,
        spec.dataset,
        channels=channels,
        batch_size=spec.batch_size,
        eval_batch_size=spec.eval_batch_size,
        channels_last=channels_last,
        device=device,
    )
    told = {
        "model": about_model(network, changes, spec.model.arch, pixels),
        "weights": about_weights(weights),
        "features": None,
    }
    lines = [*map(str, changes), model_line(spec, network, weights), built]
    return _ready(
        spec, dataset, recorder, network, (images.train, images.validation, images.test), place, told, lines
    )


def _on_features(
    spec: Spec,
    dataset: Dataset,
    recorder: Recorder,
    weights: StartingWeights | None,
    features: Features,
    place: _Place,
) -> Prepared:
    # After the features, whether they were made or found: the random numbers are the same then.
    began = time.perf_counter()
    network, _ = build_model(
        spec.model, classes=len(dataset.classes), channels=features.dimension, pixels=1, seed=spec.seed
    )
    _use_one_thread_for_a_single_layer(spec, place, alone=not features.are_remade)
    network.to(place.device)
    built = _built_line(began)
    told = {
        "model": about_model(network, [], spec.model.arch, 1),
        "weights": about_weights(weights),
        "features": features.facts,
    }
    assert spec.features
    start = weights.about if weights else "a random start"
    lines = [
        f"features of {spec.features.arch}, all frozen, with {start}",
        features.line,
        model_line(spec, network, None),
        built,
    ]
    sources = (features.train, features.validation, features.test)
    return _ready(spec, dataset, recorder, network, sources, place, told, lines)


def _ready(
    spec: Spec,
    dataset: Dataset,
    recorder: Recorder,
    network: nn.Module,
    sources: tuple[BatchSource, BatchSource | None, BatchSource],
    place: _Place,
    told: dict[str, Any],
    lines: list[str],
) -> Prepared:
    train, validation, test = sources
    device, group = place.device, place.options.group
    check_last_batch(spec, network, len(train), group.size)
    bf16 = place.precision.used == "bf16"
    optimizer = build_optimizer(
        spec.optimizer, [one for one in network.parameters() if one.requires_grad], device
    )
    average = Average(network, spec.ema) if spec.ema else None
    if place.compiled.used == "on":
        network.compile()
    step = TrainingStep(
        _shared(network, device, group, repeatable=device.type == "cpu" or spec.deterministic),
        optimizer,
        training_loss(spec.loss),
        device=device,
        group=group,
        bf16=bf16,
        gradient_clip=spec.gradient_clip,
        average=average,
        tell=recorder.log,
    )
    evaluate = Evaluator(
        tested_loss(spec.loss), spec.eval_batch_size, device=device, group=group, bf16=bf16, tell=recorder.log
    )
    steps_per_epoch = math.ceil(len(train) / spec.batch_size)
    return Prepared(
        trained=Trained(device, group, network, average, optimizer, step, EarlyStopping(spec.early_stopping)),
        train=train,
        validation=validation,
        test=test,
        schedule=schedule_of(spec.schedule, epochs=spec.epochs, steps_per_epoch=steps_per_epoch),
        steps_per_epoch=steps_per_epoch,
        evaluate=evaluate,
        step_series=StepSeries(recorder, device, group, with_norm=spec.gradient_clip is not None)
        if spec.step_series
        else None,
        album=tell(recorder, spec, dataset, device, told | place.told, [*lines, *place.lines]),
    )


def _shared(network: nn.Module, device: torch.device, group: Group, *, repeatable: bool) -> nn.Module:
    """Return what is called in training: the network, or what exchanges its gradients between the processes."""
    if group.size == 1:
        return network
    # Each process begins with the same weights, from the same seed; from here on each draws numbers of its own.
    torch.manual_seed(torch.initial_seed() + group.rank)
    return DistributedDataParallel(
        network,
        device_ids=[device.index] if device.type == "cuda" else None,
        # After its first step it groups gradients anew, and three or more processes then add them up in another order:
        # a resumed training, which has a first step once more, would differ in its last bits. It lets them be where it
        # looks for parameters without gradients.
        find_unused_parameters=repeatable and group.size > 2,
    )


def _built_line(began: float) -> str:
    return f"network built in {time.perf_counter() - began:.2f} s"


def _use_one_thread_for_a_single_layer(spec: Spec, place: _Place, *, alone: bool) -> None:
    # The steps of a single layer are so short that threads wait for each other longer than they work:
    # on a busy machine of two cores, 6 s an epoch with two threads and 0.6 s with one.
    if alone and not place.options.threads:
        set_up(place.device, threads=1, deterministic=spec.deterministic, precision=place.precision.used)
