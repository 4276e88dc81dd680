"""The recorder: a thread in the training process that reports to the store and keeps the lease alive.

The training hands it lines, progress and epochs and goes on; the thread writes them in few transactions.
Each of them begins with the fence (`attempts.renew`): once that is refused, another attempt owns the run
and this process ends on the spot. It ends as well when no report was accepted for nearly a lease.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.orm import Session

from backend.store import attempts, chunks, logs, pointers
from backend.store import predictions as tested
from backend.store.attempts import Claimed
from backend.store.session import STORE_AWAY, Database
from worker.pace import Pace
from worker.samples import SampleBuffer

if TYPE_CHECKING:
    # Not at run time: the worker's own process imports this module too, and loads no torch.
    import numpy as np

    from worker.engine.checkpoint import CheckpointPointer
    from worker.engine.mistakes import Mistakes

log = structlog.get_logger()

LEAST_PAUSE_SECONDS = 0.1
"""At most ten commits a second."""
PROGRESS_SECONDS = 1.0
"""Each costs a transaction: twice as many took over a hundredth of a training's processor time on a slow machine."""
LONGEST_HEARTBEAT_SECONDS = 1.0
"""A wish to cancel is heard within this time."""
LEASE_MARGIN_SECONDS = 5.0

FENCED = 75
"""Exit status of a training whose run belongs to another attempt (EX_TEMPFAIL)."""

Write = Callable[[Session], None]


class _RunLost(Exception):
    """Another attempt owns the run, or soon may."""


@dataclass
class _Progress:
    epoch: int = 0
    step: int = 0
    steps: int = 0
    images_per_second: float | None = None
    preparing: "_Preparing | None" = None
    """What is done before the first epoch; None once that has begun."""


@dataclass(frozen=True)
class _Preparing:
    doing: str
    done: int
    total: int


class DatabaseRecorder:
    """Implements the engine's Recorder over the store. Call `start` before and `close` after the training.

    `claimed_at` is the time.monotonic() of the claim, which on one host means the same to every process.
    """

    def __init__(
        self,
        database: Database,
        claimed: Claimed,
        epochs: int,
        lease_seconds: float,
        claimed_at: float | None = None,
        end_process: Callable[[int], Any] = os._exit,
    ) -> None:
        self._database = database
        self._claimed = claimed
        self._epochs = epochs
        self._lease_seconds = lease_seconds
        self._claimed_at = claimed_at
        self._end_process = end_process
        self._pending: list[Write] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._written = threading.Condition(self._lock)
        self._progress = _Progress()
        self._pace = Pace()
        self._samples = SampleBuffer()
        self._checkpoint = claimed.checkpoint
        self._told_progress = 0.0
        self._last_progress: dict[str, Any] | None = None
        self._closing = threading.Event()
        self._over = threading.Event()
        self._fault: Exception | None = None
        self._beats = 0
        self._test_set: str | None = None
        self.cancel_requested = False
        self.drain_requested = False
        self.take_energy_wh: Callable[[], float | None] = lambda: None
        """Returns the energy of the device since it was last asked, where the device tells it."""
        # The claim itself was the first proof.
        self._accepted_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._guard = threading.Thread(target=self._guard_lease, name="lease-guard", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._guard.start()

    def close(self) -> None:
        """Write what is left and end the thread."""
        self._add_samples()
        self._closing.set()
        self._wake.set()
        self._thread.join()

    # What the engine calls.

    def log(self, text: str) -> None:
        run_id = self._claimed.run_id
        lines = text.splitlines() or [""]
        self._add(lambda session: logs.append(session, run_id, lines))

    def environment(self, facts: dict[str, Any]) -> None:
        run_id, attempt = self._claimed.run_id, self._claimed.attempt
        self._add(lambda session: attempts.describe(session, run_id, attempt, facts))

    def progress(self, *, epoch: int, step: int, steps: int, images_per_second: float | None) -> None:
        """Say where the training is. Only sets fields: called at every batch."""
        progress = self._progress
        if self._claimed_at is not None:
            self.log(f"first batch done {time.monotonic() - self._claimed_at:.2f} s after the claim")
            self._claimed_at = None
        self._pace.step(time.monotonic(), epoch, step, steps)
        progress.epoch, progress.step, progress.steps = epoch, step, steps
        progress.images_per_second = images_per_second
        progress.preparing = None

    def preparing(self, what: str, done: int, total: int) -> None:
        """Say what is done before the first epoch, and how far it is. Only sets fields, and counts as going on."""
        self._beats += 1
        self._progress.preparing = _Preparing(what, done, total)

    def test_set(self, digest: str, classes: Sequence[str], labels: bytes) -> None:
        self._test_set = digest
        self._add(lambda session: tested.describe_test_set(session, digest, classes, labels))

    def epoch(
        self,
        epoch: int,
        metrics: dict[str, float],
        checkpoint: "CheckpointPointer | None",
        predictions: bytes | None = None,
        mistakes: "Mistakes | None" = None,
    ) -> None:
        """Store an epoch, with its checkpoint if it made one; return once it is committed."""
        run_id, attempt = self._claimed.run_id, self._claimed.attempt
        pointer = None if checkpoint is None else self._chained(checkpoint)
        assert predictions is None or self._test_set, "predictions of a test set that was not told"
        predicted = (self._test_set, predictions) if self._test_set and predictions is not None else None
        wrong = mistakes and tested.NewMistakes(mistakes.images, mistakes.probabilities, mistakes.pictures)
        energy_wh = self.take_energy_wh()
        measured = metrics if energy_wh is None else {**metrics, "energy_wh": energy_wh}
        self._add_samples()
        self._add(
            lambda session: attempts.report_epoch(
                session, run_id, attempt, epoch, measured, pointer, predicted, wrong
            ),
            wait=True,
        )
        self._pace.epoch_ended(time.monotonic())

    def checkpoint(self, pointer: "CheckpointPointer") -> None:
        """Store the pointer to a checkpoint within an epoch; return once it is committed."""
        run_id, attempt = self._claimed.run_id, self._claimed.attempt
        stored = self._chained(pointer)
        self._add(lambda session: attempts.report_checkpoint(session, run_id, attempt, stored), wait=True)

    def steps(self, first_step: int, series: "Mapping[str, np.ndarray]") -> None:
        """Keep values of steps, committed no later than the epoch or checkpoint that is told next."""
        run_id, attempt = self._claimed.run_id, self._claimed.attempt
        # A copy: the engine may fill its arrays anew meanwhile.
        values = {name: one.tolist() for name, one in series.items()}
        self._add(lambda session: chunks.append_steps(session, run_id, attempt, first_step, values))

    def should_stop(self) -> bool:
        """Say whether to stop. Called at every batch, of training and of evaluation: so it tells that both go on."""
        self._beats += 1
        self._raise_fault()
        return self.cancel_requested or self.drain_requested

    # What its surroundings call.

    def device_sample(self, seconds: float, values: Mapping[str, float]) -> None:
        """Keep what was seen of the device so many seconds after the attempt began. Any thread may call it.

        Names are those of DENSE_SERIES that go by second. Stored a chunk at a time, at each epoch and at `close`.
        """
        if self._samples.add(seconds, values):
            self._add_samples()

    def step_back(self, why: str) -> Claimed:
        """Leave a checkpoint that is broken for the one before it, or for the start; return the claim as it is then.

        `why` is a sentence for the log. Call it before anything is trained.
        """
        claimed = self._claimed
        assert claimed.checkpoint, "there is no checkpoint to leave"
        earlier = pointers.before(claimed.checkpoint)
        self._add(
            lambda session: attempts.step_back(session, claimed.run_id, claimed.attempt, earlier, why),
            wait=True,
        )
        self._claimed = replace(claimed, checkpoint=earlier)
        self._checkpoint = earlier
        return self._claimed

    def _chained(self, checkpoint: "CheckpointPointer") -> dict[str, Any]:
        """Return the pointer to a new checkpoint, with the one that the run falls back to where it is broken."""
        self._checkpoint = pointers.chained(checkpoint.to_json(), self._checkpoint)
        return self._checkpoint

    def _add_samples(self) -> None:
        run_id, attempt = self._claimed.run_id, self._claimed.attempt
        if taken := self._samples.take():
            self._add(lambda session: chunks.append_samples(session, run_id, attempt, taken))

    # The thread.

    def _add(self, write: Write, *, wait: bool = False) -> None:
        with self._lock:
            self._pending.append(write)
            self._wake.set()
            while wait and write in self._pending and self._fault is None:
                self._written.wait()
        # Not where the training only speaks: the one who tells why it failed must be able to.
        if wait:
            self._raise_fault()

    def _raise_fault(self) -> None:
        if self._fault is not None:
            raise RuntimeError(f"The report to the store failed: {self._fault}") from self._fault

    def _run(self) -> None:
        try:
            self._write_until_closed()
        except _RunLost:
            if not self._over.is_set():
                log.warning(
                    "a report was refused: the run belongs to another attempt; the training ends",
                    **self._who(),
                )
            self._end_process(FENCED)
        except Exception as problem:  # noqa: BLE001 - raised again in the training's own thread, which tells the verdict
            with self._written:
                self._fault = problem
                self._written.notify_all()

    def _write_until_closed(self) -> None:
        heartbeat = min(LONGEST_HEARTBEAT_SECONDS, self._lease_seconds / 4)
        while True:
            # Woken early by what there is to write; a progress that moves is written at its own pace.
            self._wake.wait(min(heartbeat, PROGRESS_SECONDS))
            self._wake.clear()
            closing = self._closing.is_set()
            self._write_batch()
            if closing:
                return
            time.sleep(LEAST_PAUSE_SECONDS)

    def _write_batch(self) -> None:
        """Write all that waits in one transaction, again and again until it is accepted or the lease is over."""
        with self._lock:
            batch = list(self._pending)
        progress = self._new_progress()
        while not self._over.is_set():
            sent_at = time.monotonic()
            try:
                self._commit(batch, progress)
            except STORE_AWAY as problem:
                log.warning("the store is out of reach", run=self._claimed.run_id, error=str(problem))
                time.sleep(LEAST_PAUSE_SECONDS)
                continue
            # From before it was sent: the lease may have been written at once and its answer delayed.
            self._accepted_at = sent_at
            break
        else:
            raise _RunLost
        with self._written:
            del self._pending[: len(batch)]
            self._written.notify_all()

    def _commit(self, batch: list[Write], progress: dict[str, Any] | None) -> None:
        claimed = self._claimed
        with self._database.write() as session:
            renewal = attempts.renew(
                session, claimed.run_id, claimed.attempt, claimed.owner, self._lease_seconds, progress
            )
            if renewal is None:
                raise _RunLost
            for write in batch:
                write(session)
        self.cancel_requested = renewal.cancel_requested

    def _guard_lease(self) -> None:
        """End the process when no report was accepted for nearly a lease.

        A thread of its own: a store that hangs instead of failing holds the other one fast.
        """
        allowed = max(self._lease_seconds - LEASE_MARGIN_SECONDS, self._lease_seconds / 2)
        while not self._closing.wait(min(0.25, allowed / 4)):
            if time.monotonic() - self._accepted_at > allowed:
                self._over.set()
                log.warning("no report was accepted for nearly a lease; the training ends", **self._who())
                self._end_process(FENCED)
                return

    def _who(self) -> dict[str, int]:
        return {"run": self._claimed.run_id, "attempt": self._claimed.attempt}

    def _new_progress(self) -> dict[str, Any] | None:
        now = time.monotonic()
        progress = self._progress
        if now - self._told_progress < PROGRESS_SECONDS or (progress.epoch == 0 and not progress.preparing):
            return None
        told = self._described_progress(now)
        same = self._last_progress is not None and all(
            told[key] == self._last_progress[key] for key in ("epoch", "step", "beats")
        )
        if same:
            return None
        self._told_progress, self._last_progress = now, told
        return told

    def _described_progress(self, now: float) -> dict[str, Any]:
        progress = self._progress
        preparing = progress.preparing
        return {
            **(asdict(preparing) if preparing else {}),
            "epoch": progress.epoch,
            "epochs": self._epochs,
            "step": progress.step,
            "steps": progress.steps,
            "beats": self._beats,
            "images_per_second": progress.images_per_second,
            "seconds_left": None if preparing else self._pace.seconds_left(now, self._epochs),
        }
