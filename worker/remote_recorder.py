"""The engine's Recorder in a process that has no store: it tells all to the training process that has one.

Of several processes one tells; the others only hear whether to stop.
"""

import os
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from worker.engine.checkpoint import CheckpointPointer
from worker.engine.mistakes import Mistakes
from worker.rank_job import Job
from worker.rank_messages import Line

TELL_SECONDS = 0.2
"""Least time between two messages that tell how far the training is."""
PARENT_LOST = 1


class Parent:
    """The training process that holds the store, seen from one that trains for it. With it this process ends."""

    def __init__(self, line: Line) -> None:
        self.stop_requested = False
        self._line = line
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._stored: queue.SimpleQueue[None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, name="parent", daemon=True).start()

    def next_job(self) -> Job | None:
        """Wait for what to train; None for nothing more."""
        return self._jobs.get()

    def tell(self, kind: str, values: dict[str, Any] | None = None, parts: Sequence[bytes] = ()) -> None:
        try:
            self._line.send(kind, values, parts)
        except OSError:
            os._exit(PARENT_LOST)

    def have_stored(self, kind: str, values: dict[str, Any], parts: Sequence[bytes] = ()) -> None:
        """Tell it, and return once it is committed. Where it cannot be, this process is ended instead."""
        self.tell(kind, values, parts)
        self._stored.get()

    def _listen(self) -> None:
        while True:
            try:
                message = self._line.receive()
            except (EOFError, OSError):
                os._exit(PARENT_LOST)  # at once: the other threads may wait for processes that are gone, too
            if message.kind == "job":
                self._jobs.put(Job.from_json(message.values))
            elif message.kind == "over":
                self._jobs.put(None)
            elif message.kind == "stored":
                self._stored.put(None)
            else:
                assert message.kind == "stop", message.kind
                self.stop_requested = True


class SilentRecorder:
    """Implements the engine's Recorder for all processes but the one that speaks for them."""

    def __init__(self, parent: Parent) -> None:
        self._parent = parent

    def log(self, text: str) -> None:
        if text.startswith("warning: out of memory"):  # of its own device, which nobody else tells of
            self._parent.tell("log", {"text": f"device {os.environ['RANK']}: {text}"})

    def environment(self, facts: dict[str, Any]) -> None:
        pass

    def progress(self, *, epoch: int, step: int, steps: int, images_per_second: float) -> None:
        pass

    def preparing(self, what: str, done: int, total: int) -> None:
        pass

    def test_set(self, digest: str, classes: Sequence[str], labels: bytes) -> None:
        pass

    def epoch(
        self,
        epoch: int,
        metrics: dict[str, float],
        checkpoint: CheckpointPointer | None,
        predictions: bytes | None = None,
        mistakes: Mistakes | None = None,
    ) -> None:
        pass

    def checkpoint(self, pointer: CheckpointPointer) -> None:
        pass

    def steps(self, first_step: int, series: Mapping[str, np.ndarray]) -> None:
        pass

    def should_stop(self) -> bool:
        return self._parent.stop_requested


class RemoteRecorder(SilentRecorder):
    """Tells all of it."""

    def __init__(self, parent: Parent) -> None:
        super().__init__(parent)
        self._placed_at = 0.0
        self._beat_at = 0.0

    def log(self, text: str) -> None:
        self._parent.tell("log", {"text": text})

    def environment(self, facts: dict[str, Any]) -> None:
        self._parent.tell("environment", {"facts": facts})

    def progress(self, *, epoch: int, step: int, steps: int, images_per_second: float) -> None:
        now = time.monotonic()
        if step in (1, steps) or now - self._placed_at >= TELL_SECONDS:
            self._placed_at = now
            place = {"epoch": epoch, "step": step, "steps": steps, "images_per_second": images_per_second}
            self._parent.tell("progress", place)

    def preparing(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._placed_at >= TELL_SECONDS:
            self._placed_at = now
            self._parent.tell("preparing", {"what": what, "done": done, "total": total})

    def test_set(self, digest: str, classes: Sequence[str], labels: bytes) -> None:
        self._parent.tell("test_set", {"digest": digest, "classes": list(classes)}, [labels])

    def epoch(
        self,
        epoch: int,
        metrics: dict[str, float],
        checkpoint: CheckpointPointer | None,
        predictions: bytes | None = None,
        mistakes: Mistakes | None = None,
    ) -> None:
        pictures = mistakes.pictures if mistakes else {}
        values = {
            "epoch": epoch,
            "metrics": metrics,
            "checkpoint": checkpoint and checkpoint.to_json(),
            "has_predictions": predictions is not None,
            "mistakes": mistakes and {**asdict(mistakes), "pictures": list(pictures)},
        }
        parts = [] if predictions is None else [predictions]
        self._parent.have_stored("epoch", values, [*parts, *pictures.values()])

    def checkpoint(self, pointer: CheckpointPointer) -> None:
        self._parent.have_stored("checkpoint", pointer.to_json())

    def steps(self, first_step: int, series: Mapping[str, np.ndarray]) -> None:
        values = {"first_step": first_step, "names": list(series)}
        self._parent.tell("steps", values, [one.astype("<f8").tobytes() for one in series.values()])

    def should_stop(self) -> bool:
        # Asked during evaluations too, which have no other sign of life.
        now = time.monotonic()
        if now - self._beat_at >= TELL_SECONDS:
            self._beat_at = now
            self._parent.tell("beat")
        return super().should_stop()
