"""Words that the service and the workers share: task name, run states and their legal moves, metrics.

Standard library only, so that everything may import it. It must not know the database, HTTP or torch.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

TASK_NAME = "runyard.look_for_work"
QUEUE_NAME = "runyard"

MAX_LOSSES = 3
"""A run whose worker was lost this often since its last checkpoint fails: it probably kills its workers itself."""


DeviceKind = Literal["cpu", "cuda"]
"""What an estimate of time is for."""


MAX_RUNS = 1000
"""Of one launch, and so of its seeds."""


class RunState(StrEnum):
    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


OWNED = (RunState.RUNNING, RunState.CANCELLING)
"""States in which one attempt of one worker owns the run."""

FINAL = (RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED)

LEGAL_MOVES: dict[RunState, tuple[RunState, ...]] = {
    RunState.WAITING: (RunState.QUEUED, RunState.FAILED, RunState.CANCELLED),
    RunState.QUEUED: (RunState.RUNNING, RunState.CANCELLED),
    # Back to the queue when the worker is lost or drains.
    RunState.RUNNING: (
        RunState.CANCELLING,
        RunState.QUEUED,
        RunState.COMPLETED,
        RunState.FAILED,
    ),
    # A run may complete or fail in the moment between the wish and its reaching the process.
    RunState.CANCELLING: (RunState.CANCELLED, RunState.COMPLETED, RunState.FAILED),
    RunState.COMPLETED: (),
    # Left only by a person's retry or resume.
    RunState.FAILED: (RunState.QUEUED, RunState.WAITING),
    RunState.CANCELLED: (RunState.QUEUED, RunState.WAITING),
}


class Reason(StrEnum):
    """Why a run or an attempt ended, apart from the state it ended in."""

    CODE_ERROR = "code error"
    REFUSED = "refused"  # the spec does not fit the data or the model: a person must change it
    OUT_OF_MEMORY = "out of memory"
    DISK_FULL = "disk full"
    WORKER_LOST = "worker lost"
    PARENT_FAILED = "parent failed"
    CANCELLED = "cancelled by a person"
    DRAINED = "worker drained"  # of an attempt only: the run goes back to the queue
    RESTORED = "restored from a backup"  # of an attempt only: it was under way when the backup was made


class EventKind(StrEnum):
    """What the event table marks. Progress inside an epoch is not an event: it is never stored twice."""

    STATE = "state"
    EPOCH = "epoch"
    REWIND = "rewind"
    FINDINGS = "findings"  # what the rules find of a run is another than before


@dataclass(frozen=True)
class Metric:
    """One number recorded at each epoch. `better` is "lower", "higher" or "" where neither is."""

    name: str
    title: str
    unit: str
    better: str


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("train_loss", "Training loss", "nats", "lower"),
        Metric("train_acc", "Training accuracy", "fraction", "higher"),
        Metric("val_loss", "Validation loss", "nats", "lower"),
        Metric("val_acc", "Validation accuracy", "fraction", "higher"),
        Metric("test_loss", "Test loss", "nats", "lower"),
        Metric("test_acc", "Test accuracy", "fraction", "higher"),
        Metric("lr", "Learning rate", "", ""),
        Metric("epoch_seconds", "Time of the epoch", "s", "lower"),
        Metric("images_per_second", "Training speed", "images/s", "higher"),
        Metric("peak_memory_bytes", "Peak memory", "bytes", "lower"),
        Metric("energy_wh", "Energy of the epoch", "Wh", "lower"),  # only where the device tells it
    )
}

TIMING_METRICS = ("epoch_seconds", "images_per_second", "peak_memory_bytes", "energy_wh")
"""Metrics that a repeated run does not repeat."""


@dataclass(frozen=True)
class DenseSeries:
    """Values that are kept as packed arrays, too many to be points: by step, or by second of an attempt."""

    name: str
    title: str
    unit: str
    by: Literal["step", "second"]


MOST_DENSE_VALUES = 1_000_000
"""So many values of a series come whole in one answer."""

DENSE_SERIES: dict[str, DenseSeries] = {
    series.name: series
    for series in (
        DenseSeries("step_loss", "Training loss of each step", "nats", "step"),
        DenseSeries("step_lr", "Learning rate of each step", "", "step"),
        DenseSeries("step_gradient_norm", "Norm of the gradient, before clipping", "", "step"),
        DenseSeries("gpu_load", "Load of the GPU", "fraction", "second"),
        DenseSeries("gpu_memory_bytes", "Memory taken on the GPU", "bytes", "second"),
        DenseSeries("gpu_watts", "Power of the GPU", "W", "second"),
        DenseSeries("cpu_load", "Load of all processors", "fraction", "second"),
        DenseSeries("process_cpus", "Processors that the training takes", "", "second"),
        DenseSeries("process_memory_bytes", "Memory of the training", "bytes", "second"),
    )
}
"""The series of steps are kept where a spec asks for them; those by second, always."""
