"""What the engine tells and asks while it trains. Who stores it, and where, the engine does not know."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from worker.engine.checkpoint import CheckpointPointer
from worker.engine.mistakes import Mistakes


class Stopped(Exception):
    """The recorder said to stop, where nothing is trained yet."""


class Recorder(Protocol):
    def log(self, text: str) -> None:
        """Keep a line for people."""

    def environment(self, facts: dict[str, Any]) -> None:
        """Keep what the training ran on."""

    def progress(self, *, epoch: int, step: int, steps: int, images_per_second: float) -> None:
        """Note how far the epoch is. Called at each batch: it may set fields, and no more."""

    def preparing(self, what: str, done: int, total: int) -> None:
        """Note what is done before the first epoch, and how far it is; 0 in all where that is not known.

        May be called often, as `progress`.
        """

    def test_set(self, digest: str, classes: Sequence[str], labels: bytes) -> None:
        """Keep what the training is tested on: the true classes, encoded as `evaluate.encoded` does."""

    def epoch(
        self,
        epoch: int,
        metrics: dict[str, float],
        checkpoint: CheckpointPointer | None,
        predictions: bytes | None = None,
        mistakes: Mistakes | None = None,
    ) -> None:
        """Store an epoch's points, and with them the pointer where there is one; return when committed.

        Values may be NaN or infinite. `predictions` are the classes predicted for the test set, in its order and
        encoded as its labels; `mistakes` are of them. Raises if this attempt no longer owns the run.
        """

    def checkpoint(self, pointer: CheckpointPointer) -> None:
        """Store the pointer to a checkpoint within an epoch; return when committed. Raises as `epoch` does."""

    def steps(self, first_step: int, series: Mapping[str, np.ndarray]) -> None:
        """Keep values of steps, float64 by name, of `first_step` (counted from 1 over the whole run) and those after it.

        They are committed before the epoch or the checkpoint that is told next, or together with it.
        """

    def should_stop(self) -> bool:
        """Say whether to stop at once: cancelled, draining, or another attempt owns the run. Asked at each batch."""
        ...


@dataclass(frozen=True)
class RecordedEpoch:
    epoch: int
    metrics: dict[str, float]
    checkpoint: CheckpointPointer | None
    predictions: bytes | None
    mistakes: Mistakes | None


@dataclass
class MemoryRecorder:
    """Keeps everything in lists, for tests and benchmarks. `stop_when` decides when to stop."""

    stop_when: Callable[["MemoryRecorder"], bool] = lambda _: False
    lines: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    epochs: list[RecordedEpoch] = field(default_factory=list)
    steps_done: int = 0
    prepared: list[tuple[str, int, int]] = field(default_factory=list)
    tested_on: tuple[str, tuple[str, ...], bytes] | None = None
    checkpoints: list[CheckpointPointer] = field(default_factory=list)
    """All of them, within epochs and at their ends."""
    chunks: list[tuple[int, Mapping[str, np.ndarray]]] = field(default_factory=list)

    def log(self, text: str) -> None:
        self.lines.append(text)

    def environment(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    def progress(self, *, epoch: int, step: int, steps: int, images_per_second: float) -> None:
        self.steps_done += 1

    def preparing(self, what: str, done: int, total: int) -> None:
        self.prepared.append((what, done, total))

    def test_set(self, digest: str, classes: Sequence[str], labels: bytes) -> None:
        self.tested_on = (digest, tuple(classes), labels)

    def epoch(
        self,
        epoch: int,
        metrics: dict[str, float],
        checkpoint: CheckpointPointer | None,
        predictions: bytes | None = None,
        mistakes: Mistakes | None = None,
    ) -> None:
        self.epochs.append(RecordedEpoch(epoch, metrics, checkpoint, predictions, mistakes))
        if checkpoint:
            self.checkpoints.append(checkpoint)

    def checkpoint(self, pointer: CheckpointPointer) -> None:
        self.checkpoints.append(pointer)

    def steps(self, first_step: int, series: Mapping[str, np.ndarray]) -> None:
        self.chunks.append((first_step, series))

    def should_stop(self) -> bool:
        return self.stop_when(self)

    def series(self, name: str) -> list[float]:
        """Return one metric, an entry an epoch."""
        return [recorded.metrics[name] for recorded in self.epochs]

    def pointer(self) -> CheckpointPointer | None:
        """Return the last checkpoint that was recorded."""
        return self.checkpoints[-1] if self.checkpoints else None

    def step_series(self, name: str) -> list[float]:
        """Return one series of steps, an entry a step."""
        return [value for _, series in self.chunks for value in series[name].tolist()]
