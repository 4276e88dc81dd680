"""The training: one linear loop, from a spec and a data set to numbers and checkpoints.

Knows no database, no queue and no HTTP: it tells a `Recorder` what happens and asks it whether to stop.
What is trained, and how a step is made, stands in `prepare` and `step`; what is put back, in `trained`.
"""

import time
from enum import Enum
from pathlib import Path

from backend.spec import Spec
from worker.engine.batches import epoch_order, generator_for
from worker.engine.checkpoint import CheckpointPointer
from worker.engine.data import Dataset
from worker.engine.device import peak_memory_bytes, start_peak_memory
from worker.engine.evaluate import encoded
from worker.engine.keeper import Keeper
from worker.engine.loss_watch import LossWatch
from worker.engine.mixup import Mix
from worker.engine.models import training_mode
from worker.engine.optimizers import set_learning_rate
from worker.engine.prepare import Prepared, TrainOptions, prepared
from worker.engine.recorder import Recorder, Stopped
from worker.engine.totals import EpochTotals
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
        BrokenCheckpoint: the checkpoint is missing, truncated or changed. Nothing was trained.
        DataProblem: the checkpoint belongs to another training; or the weights do not fit.
        OutOfMemory: not even half a batch fits.
    """
    if resume and resume.epoch == spec.epochs:
        return Outcome.COMPLETED
    # Of a network that goes on, all weights come from its checkpoint; those that make features never do.
    assert weights or spec.weights.source == "none" or (resume and not spec.features), spec.weights
    try:
        with prepared(
            spec, dataset, recorder, weights=weights, features_folder=features_folder, options=options
        ) as ready:
            keeper = Keeper(folder, attempt, spec, dataset.hash, recorder, ready, options, resume)
            return _train(spec, dataset, recorder, ready, keeper)
    except Stopped:
        return Outcome.STOPPED


def _train(spec: Spec, dataset: Dataset, recorder: Recorder, ready: Prepared, keeper: Keeper) -> Outcome:
    trained, group = ready.trained, ready.trained.group
    device, steps = trained.device, ready.steps_per_epoch
    first_epoch, totals = keeper.resumed() or (1, EpochTotals.none(device))
    watch = LossWatch(spec)

    for epoch in range(first_epoch, spec.epochs + 1):
        if trained.stopping.is_over:
            break
        started = time.perf_counter()
        start_peak_memory(device)
        training_mode(trained.network, spec.model)
        ready.train.start_epoch(spec.seed, epoch)
        batches = epoch_order(len(ready.train), spec.seed, epoch).split(spec.batch_size)

        # From within the epoch, where a checkpoint was made there.
        for step in range(totals.steps + 1, steps + 1):
            global_step = (epoch - 1) * steps + step
            stop, keep = group.told(recorder.should_stop(), keeper.is_due_within() and step > 1)
            if stop:
                return Outcome.STOPPED
            if keep:
                keeper.keep_within(epoch, totals, time.perf_counter() - started)
            lr = spec.optimizer.lr * ready.schedule(global_step)
            set_learning_rate(trained.optimizer, lr)
            whole = len(batches[step - 1])
            batch, labels_B = ready.train.batch(group.share(batches[step - 1]))
            mix = None
            if spec.dataset.augment == "mixup":
                mix = Mix.drawn(len(labels_B), generator_for(f"mixup {step}", spec.seed, epoch))
            stepped = trained.step(batch, labels_B, whole=whole, mix=mix)
            totals.add(stepped, whole)
            if ready.step_series:
                ready.step_series.add(global_step, stepped.loss_sum / whole, lr, stepped.gradient_norm)
            trained_now = totals.trained - totals.trained_before
            images_per_second = trained_now / (time.perf_counter() - started)
            recorder.progress(epoch=epoch, step=step, steps=steps, images_per_second=images_per_second)

        train_loss, train_acc = totals.means(group)
        train_seconds = totals.seconds + time.perf_counter() - started
        group.share_buffers(trained.tested_network)
        metrics = {"train_loss": train_loss, "train_acc": train_acc}
        if ready.validation:
            validated = ready.evaluate(trained.tested_network, ready.validation, recorder.should_stop)
            if validated is None:
                return Outcome.STOPPED
            metrics |= {"val_loss": validated.loss, "val_acc": validated.accuracy}
        test = ready.evaluate(trained.tested_network, ready.test, recorder.should_stop)
        if test is None:
            return Outcome.STOPPED
        metrics |= {
            "test_loss": test.loss,
            "test_acc": test.accuracy,
            "lr": float(trained.optimizer.param_groups[0]["lr"]),  # of the last step
            "epoch_seconds": totals.seconds + time.perf_counter() - started,  # training and evaluation
            "images_per_second": totals.trained / train_seconds,  # of the training alone
            "peak_memory_bytes": float(peak_memory_bytes(device)),
        }
        trained.stopping.observe(epoch, metrics)
        totals = EpochTotals.none(device)

        is_last = epoch == spec.epochs or trained.stopping.is_over
        (keep,) = group.told(is_last or keeper.is_due())
        if ready.step_series:
            ready.step_series.hand_on()
        pointer = keeper.keep_after(epoch) if keep else None
        recorder.log(_epoch_line(epoch, metrics))
        warning = watch.warning(epoch, metrics)
        if warning:
            recorder.log(warning)
        predicted = encoded(test.predicted, len(dataset.classes))
        mistakes = ready.album.mistakes(test.predicted, test.probability)
        recorder.epoch(epoch, metrics, pointer, predicted, mistakes)
        keeper.prune()  # now committed: what lies before the one before it is needed no more

    keeper.finish()
    if trained.stopping.is_over:
        recorder.log(trained.stopping.reason())
    return Outcome.COMPLETED


def _epoch_line(epoch: int, metrics: dict[str, float]) -> str:
    validated = f", val acc {metrics['val_acc']:.3f}" if "val_acc" in metrics else ""
    return (
        f"epoch {epoch}: loss {metrics['train_loss']:.3f}, train acc {metrics['train_acc']:.3f}{validated}, "
        f"test acc {metrics['test_acc']:.3f} "
        f"({metrics['epoch_seconds']:.1f} s, {metrics['images_per_second']:,.0f} images/s)"
    )
