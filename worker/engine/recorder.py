"""What the engine tells and asks while it trains. Who stores it, and where, the engine does not know."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from worker.engine.checkpoint import CheckpointPointer


class Recorder(Protocol):
    def log(self, text: str) -> None:
        """Keep a line for people."""

    def environment(self, facts: dict[str, Any]) -> None:
        """Keep what the training ran on."""

    def progress(self, *, epoch: int, step: int, steps: int, images_per_second: float) -> None:
        """Note how far the epoch is. Called at each batch: it may set fields, and no more."""

    def epoch(self, epoch: int, metrics: dict[str, float], checkpoint: CheckpointPointer | None) -> None:
        """Store an epoch's points, and with them the pointer where there is one; return when committed.

        Values may be NaN or infinite. Raises if this attempt no longer owns the run.
        """

    def should_stop(self) -> bool:
        """Say whether to stop at once: cancelled, draining, or another attempt owns the run. Asked at each batch."""
        ...


@dataclass(frozen=True)
class RecordedEpoch:
    epoch: int
    metrics: dict[str, float]
    checkpoint: CheckpointPointer | None


@dataclass
class MemoryRecorder:
    """Keeps everything in lists, for tests and benchmarks. `stop_when` decides when to stop."""

    stop_when: Callable[["MemoryRecorder"], bool] = lambda _: False
    lines: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    epochs: list[RecordedEpoch] = field(default_factory=list)
    steps: int = 0

    def log(self, text: str) -> None:
        self.lines.append(text)

    def environment(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    def progress(self, *, epoch: int, step: int, steps: int, images_per_second: float) -> None:
        self.steps += 1

    def epoch(self, epoch: int, metrics: dict[str, float], checkpoint: CheckpointPointer | None) -> None:
        self.epochs.append(RecordedEpoch(epoch, metrics, checkpoint))

    def should_stop(self) -> bool:
        return self.stop_when(self)

    def series(self, name: str) -> list[float]:
        """Return one metric, an entry an epoch."""
        return [recorded.metrics[name] for recorded in self.epochs]

    def pointer(self) -> CheckpointPointer | None:
        """Return the last checkpoint that was recorded."""
        return next((one.checkpoint for one in reversed(self.epochs) if one.checkpoint), None)
