"""The training: one linear loop, from a spec and a data set to numbers and checkpoints.

Knows no database, no queue and no HTTP: it tells a `Recorder` what happens and asks it whether to stop.
"""

import math
import time
from enum import Enum
from pathlib import Path

import torch

from backend.spec import Spec
from worker.engine import checkpoint
from worker.engine.batches import epoch_order
from worker.engine.checkpoint import CheckpointPointer
from worker.engine.data import Dataset
from worker.engine.device import peak_memory_bytes, start_peak_memory
from worker.engine.evaluate import encoded, evaluate
from worker.engine.models import training_mode
from worker.engine.prepare import Prepared, TrainOptions, prepared
from worker.engine.recorder import Recorder, Stopped
from worker.engine.weights import StartingWeights


class Outcome(Enum):
    COMPLETED = "completed"
    STOPPED = "stopped"


def train(
    spec: Spec,
    dataset: Dataset,
    recorder: Recorder,
    *,
    folder: Path,
    attempt: int,
    resume: CheckpointPointer | None = None,
    weights: StartingWeights | None = None,
    features_folder: Path | None = None,
    options: TrainOptions = TrainOptions(),
) -> Outcome:
    """Train from the start, or from a checkpoint in `folder`, to the last epoch or until told to stop.

    `weights` are what the spec's `weights` name. Features are kept in `features_folder`; without one they are
    remade in each epoch.

    Resumed on a CPU it gives, bit for bit, the numbers of a training that was never interrupted.
    Losses that are not finite are data: they are recorded, and the training goes on.

    Raises:
        InvalidSpec: the spec does not fit the data, the model or this machine.
        DataProblem: the checkpoint is broken, or belongs to another training; or the weights do not fit.
    """
    if resume and resume.epoch == spec.epochs:
        return Outcome.COMPLETED
    # Of a network that goes on, all weights come from its checkpoint; those that make features never do.
    assert weights or spec.weights.source == "none" or (resume and not spec.features), spec.weights
    try:
        with prepared(
            spec, dataset, recorder, weights=weights, features_folder=features_folder, options=options
        ) as ready:
            return _train(spec, dataset, recorder, ready, folder, attempt, resume, options.checkpoint_seconds)
    except Stopped:
        return Outcome.STOPPED


def _train(
    spec: Spec,
    dataset: Dataset,
    recorder: Recorder,
    ready: Prepared,
    folder: Path,
    attempt: int,
    resume: CheckpointPointer | None,
    checkpoint_seconds: float,
) -> Outcome:
    device, network, optimizer, loss_of = ready.device, ready.network, ready.optimizer, ready.loss_of
    identity = checkpoint.Identity.of(spec, dataset.hash)
    if resume:
        checkpoint.load(folder, resume, identity=identity, network=network, optimizer=optimizer)
        recorder.log(f"resumed after epoch {resume.epoch} from {resume.name}")
    saved, saved_at = resume, time.monotonic()

    steps = math.ceil(len(ready.train) / spec.batch_size)
    for epoch in range(resume.epoch + 1 if resume else 1, spec.epochs + 1):
        started = time.perf_counter()
        start_peak_memory(device)
        training_mode(network, spec.model)
        ready.train.start_epoch(spec.seed, epoch)
        # Summed on the device, in double precision, and read back once, at the epoch's end.
        loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        correct = torch.zeros((), dtype=torch.int64, device=device)
        trained = 0
        for step, picked_B in enumerate(
            epoch_order(len(ready.train), spec.seed, epoch).split(spec.batch_size), start=1
        ):
            if recorder.should_stop():
                return Outcome.STOPPED
            batch, labels_B = ready.train.batch(picked_B)
            logits_BK = network(batch)
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

        test = evaluate(network, ready.test, loss_of, spec.eval_batch_size, recorder.should_stop)
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
        if epoch == spec.epochs or time.monotonic() - saved_at >= checkpoint_seconds:
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
        predicted = encoded(test.predicted, len(dataset.classes))
        mistakes = ready.album.mistakes(test.predicted, test.probability)
        recorder.epoch(epoch, metrics, pointer, predicted, mistakes)
        if pointer:  # now committed: what lies before the one before it is needed no more
            checkpoint.prune(folder, attempt, keep={pointer.name, saved.name if saved else pointer.name})
            saved, saved_at = pointer, time.monotonic()
    return Outcome.COMPLETED


def _epoch_line(epoch: int, metrics: dict[str, float]) -> str:
    return (
        f"epoch {epoch}: loss {metrics['train_loss']:.3f}, train acc {metrics['train_acc']:.3f}, "
        f"test acc {metrics['test_acc']:.3f} "
        f"({metrics['epoch_seconds']:.1f} s, {metrics['images_per_second']:,.0f} images/s)"
    )
