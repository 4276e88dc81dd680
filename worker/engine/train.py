"""The training: one linear loop, from a spec and a data set to numbers and checkpoints.

Knows no database, no queue and no HTTP: it tells a `Recorder` what happens and asks it whether to stop.
"""

import math
import random
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import torch
from torch import nn

from backend.catalog.models import check_image_size
from backend.errors import InvalidSpec
from backend.spec import Spec
from worker.engine import checkpoint
from worker.engine.batches import Images, both_halves, epoch_order
from worker.engine.checkpoint import CheckpointPointer
from worker.engine.data import Dataset
from worker.engine.device import choose_device, peak_memory_bytes, set_up, start_peak_memory
from worker.engine.environment import environment
from worker.engine.evaluate import evaluate
from worker.engine.losses import LOSSES
from worker.engine.models import (
    build_model,
    has_batch_norm,
    has_convolutions,
    input_channels,
    parameter_count,
)
from worker.engine.optimizers import build_optimizer
from worker.engine.recorder import Recorder


class Outcome(Enum):
    COMPLETED = "completed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class TrainOptions:
    """What may differ from machine to machine without making it another training."""

    device: str = "auto"
    checkpoint_seconds: float = 30.0
    threads: int = 0
    """Threads of torch on the CPU; 0: one for softmax regression, else what torch is set to."""
    deterministic: bool = True


def train(
    spec: Spec,
    dataset: Dataset,
    recorder: Recorder,
    *,
    folder: Path,
    attempt: int,
    resume: CheckpointPointer | None = None,
    options: TrainOptions = TrainOptions(),
) -> Outcome:
    """Train from the start, or from a checkpoint in `folder`, to the last epoch or until told to stop.

    Resumed on a CPU it gives, bit for bit, the numbers of a training that was never interrupted.
    Losses that are not finite are data: they are recorded, and the training goes on.

    Raises:
        InvalidSpec: the spec does not fit the data, the model or this machine.
        DataProblem: the checkpoint is broken, or belongs to another training.
    """
    if resume and resume.epoch == spec.epochs:
        return Outcome.COMPLETED
    check_image_size(spec.model.arch, spec.dataset.image_size or dataset.pixels)
    device = choose_device(options.device)
    channels = input_channels(spec, dataset.channels)
    random.seed(spec.seed)
    network, changes = build_model(
        spec.model,
        classes=len(dataset.classes),
        channels=channels,
        pixels=spec.dataset.image_size or dataset.pixels,
        seed=spec.seed,
    )
    channels_last = has_convolutions(network)
    # The steps of a single layer are so short that threads wait for each other longer than they work:
    # on a busy machine of two cores, 6 s an epoch with two threads and 0.6 s with one.
    threads = options.threads or (0 if channels_last else 1)
    set_up(device, threads=threads, deterministic=options.deterministic)
    network.to(device)
    if channels_last:
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - its stubs miss this form
    train_images, test_images = both_halves(
        dataset,
        spec.dataset,
        channels=channels,
        batch_size=spec.batch_size,
        eval_batch_size=spec.eval_batch_size,
        channels_last=channels_last,
        device=device,
    )
    _refuse_a_last_batch_of_one(spec, network, len(train_images))
    loss_of = LOSSES[spec.loss.name]
    optimizer = build_optimizer(spec.optimizer, network.parameters(), device)
    recorder.environment(environment(dataset, device))
    for line in (
        *map(str, changes),
        *_opening_lines(spec, dataset, network, device, train_images, test_images),
    ):
        recorder.log(line)

    identity = checkpoint.Identity.of(spec, dataset.hash)
    if resume:
        checkpoint.load(folder, resume, identity=identity, network=network, optimizer=optimizer)
        recorder.log(f"resumed after epoch {resume.epoch} from {resume.name}")
    saved, saved_at = resume, time.monotonic()

    steps = math.ceil(len(train_images) / spec.batch_size)
    for epoch in range(resume.epoch + 1 if resume else 1, spec.epochs + 1):
        started = time.perf_counter()
        start_peak_memory(device)
        network.train()
        # Summed on the device, in double precision, and read back once, at the epoch's end.
        loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        correct = torch.zeros((), dtype=torch.int64, device=device)
        trained = 0
        for step, picked_B in enumerate(
            epoch_order(len(train_images), spec.seed, epoch).split(spec.batch_size), start=1
        ):
            if recorder.should_stop():
                return Outcome.STOPPED
            batch_BCHW, labels_B = train_images.batch(picked_B)
            logits_BK = network(batch_BCHW)
            loss = loss_of(logits_BK, labels_B)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            # While it trains, with the weights before the step: as train_ch6 of d2l counts.
            loss_sum += loss.detach() * len(labels_B)
            correct += (logits_BK.detach().argmax(dim=1) == labels_B).sum()
            trained += len(labels_B)
            recorder.progress(
                epoch=epoch,
                step=step,
                steps=steps,
                images_per_second=trained / (time.perf_counter() - started),
            )
        train_loss, train_acc = loss_sum.item() / trained, correct.item() / trained
        train_seconds = time.perf_counter() - started

        test = evaluate(network, test_images, loss_of, spec.eval_batch_size, recorder.should_stop)
        if test is None:
            return Outcome.STOPPED
        epoch_seconds = time.perf_counter() - started
        metrics = {
            "train_loss": train_loss,
            "train_acc": train_acc,
            "test_loss": test.loss,
            "test_acc": test.accuracy,
            "lr": float(optimizer.param_groups[0]["lr"]),
            "epoch_seconds": epoch_seconds,  # training and evaluation
            "images_per_second": trained / train_seconds,  # of the training alone
            "peak_memory_bytes": float(peak_memory_bytes(device)),
        }

        pointer = None
        if epoch == spec.epochs or time.monotonic() - saved_at >= options.checkpoint_seconds:
            pointer = checkpoint.save(
                folder,
                attempt=attempt,
                epoch=epoch,
                identity=identity,
                network=network,
                optimizer=optimizer,
                metrics=metrics,
            )
        recorder.log(_epoch_line(epoch, metrics))
        recorder.epoch(epoch, metrics, pointer)
        if pointer:  # now committed: what lies before the one before it is needed no more
            checkpoint.prune(folder, attempt, keep={pointer.name, saved.name if saved else pointer.name})
            saved, saved_at = pointer, time.monotonic()
    return Outcome.COMPLETED


def _refuse_a_last_batch_of_one(spec: Spec, network: nn.Module, count: int) -> None:
    if count % spec.batch_size == 1 and has_batch_norm(network):
        raise InvalidSpec(
            f"batch_size is {spec.batch_size} and leaves a last batch of one of {count} training images; "
            f"{spec.model.arch} has batch norm and needs at least two: take {spec.batch_size + 1}."
        )


def _opening_lines(
    spec: Spec,
    dataset: Dataset,
    network: nn.Module,
    device: torch.device,
    train_images: Images,
    test_images: Images,
) -> list[str]:
    pixels = spec.dataset.image_size or dataset.pixels
    lines = [
        f"{spec.model.arch}: {parameter_count(network):,} parameters, all trained",
        f"data set {dataset.name} {dataset.hash[:12]}: {len(train_images):,} training and "
        f"{len(test_images):,} test images, {len(dataset.classes)} classes, {pixels} px",
        *dataset.notes,
        f"device {device.type}, {torch.get_num_threads()} threads",
    ]
    for field, limit, there in (
        ("train_limit", spec.dataset.train_limit, len(dataset.train_labels)),
        ("test_limit", spec.dataset.test_limit, len(dataset.test_labels)),
    ):
        if limit and limit > there:
            lines.append(
                f"warning: dataset.{field} is {limit:,}, and there are {there:,} images: all are used"
            )
    return lines


def _epoch_line(epoch: int, metrics: dict[str, float]) -> str:
    return (
        f"epoch {epoch}: loss {metrics['train_loss']:.3f}, train acc {metrics['train_acc']:.3f}, "
        f"test acc {metrics['test_acc']:.3f} "
        f"({metrics['epoch_seconds']:.1f} s, {metrics['images_per_second']:,.0f} images/s)"
    )
