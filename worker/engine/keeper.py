"""When a training is kept, and where it goes on: the checkpoints of one attempt, and which of them may go."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from backend.spec import Spec
from worker.engine import checkpoint
from worker.engine.checkpoint import CheckpointPointer, Identity
from worker.engine.disk import NoRoom
from worker.engine.prepare import Prepared, TrainOptions
from worker.engine.recorder import Recorder, Stopped
from worker.engine.totals import EpochTotals

_LARGEST_SHARE = 0.1
"""Of the time that may go into checkpoints: a large network on a slow disk makes fewer."""

ROOM_SECONDS = 1800.0
"""How long a training waits where the disk is full: a queue of them must not fail one after the other for one night's want of room."""
_LOOK_SECONDS = 1.0


class Keeper:
    """Keeps a training in `folder`, no more often than `options` say; the checkpoint before the newest stays too."""

    def __init__(
        self,
        folder: Path,
        attempt: int,
        spec: Spec,
        data_hash: str,
        recorder: Recorder,
        ready: Prepared,
        options: TrainOptions,
        resume: CheckpointPointer | None,
    ) -> None:
        self._folder = folder
        self._attempt = attempt
        self._identity = Identity.of(spec, data_hash)
        self._recorder = recorder
        self._ready = ready
        self._options = options
        self._resume = resume
        self._before: CheckpointPointer | None = None
        self._newest = resume
        self._kept_at = time.monotonic()
        self._took_seconds = 0.0

    def resumed(self) -> tuple[int, EpochTotals] | None:
        """Put the training back to its checkpoint; return the epoch it goes on in and what has come of that so far.

        None where it begins at the start. Raises as `checkpoint.load` does.
        """
        if self._resume is None:
            return None
        trained, resume = self._ready.trained, self._resume
        totals = EpochTotals.none(trained.device)
        state = checkpoint.load(self._folder, resume, identity=self._identity, trained=trained)
        within = f"step {resume.step} of epoch {resume.epoch + 1}" if resume.step else f"epoch {resume.epoch}"
        if resume.step:
            totals = EpochTotals.going_on(state["totals"], trained.device, trained.group)
        self._recorder.log(f"resumed after {within} from {resume.name}")
        return resume.epoch + 1, totals

    def is_due(self) -> bool:
        """Say whether it is time for a checkpoint at the end of an epoch."""
        return self._is_over(self._options.checkpoint_seconds)

    def is_due_within(self) -> bool:
        """Say whether it is time for one within an epoch. Cheap: asked at each step."""
        return self._is_over(self._options.within_epoch_seconds)

    def _is_over(self, least_seconds: float) -> bool:
        if not least_seconds:  # every time, whatever it costs: for tests
            return True
        waited = time.monotonic() - self._kept_at
        return waited >= max(least_seconds, self._took_seconds / _LARGEST_SHARE)

    def keep_within(self, epoch: int, totals: EpochTotals, seconds: float) -> None:
        """Keep the training within an epoch that is `seconds` old, and tell the recorder."""
        if self._ready.step_series:
            self._ready.step_series.hand_on()
        state = {"totals": totals.state(self._ready.trained.group, seconds)}
        pointer = self._kept(epoch - 1, totals.steps, state)
        if pointer:
            self._recorder.checkpoint(pointer)
        self.prune()

    def keep_after(self, epoch: int) -> CheckpointPointer | None:
        """Keep the training at the end of an epoch and return the pointer, for the recorder to commit with its points."""
        return self._kept(epoch, 0, {})

    def prune(self) -> None:
        """Delete what is older than the checkpoint before the newest; call it when the newest is committed.

        Nothing before this attempt has kept one itself: of what it began with, only the store knows the one before.
        """
        if self._newest is self._resume or self._ready.trained.group.rank != 0:
            return
        keep = {one.name for one in (self._newest, self._before) if one}
        checkpoint.prune(self._folder, self._attempt, keep)

    def finish(self) -> None:
        """Delete all but the newest, once the last epoch is committed: nothing goes on from the one before any more."""
        self._before = None
        self.prune()

    def _kept(self, epoch: int, step: int, more: dict[str, Any]) -> CheckpointPointer | None:
        """Write a checkpoint; None where another process does. All processes must call it.

        Raises:
            NoRoom: the disk was full all the time that a training waits for room.
            Stopped: it was told to stop meanwhile.
        """
        began = time.monotonic()
        trained = self._ready.trained
        state = {**trained.state(), **more}
        if trained.group.rank != 0:
            return None
        save = partial(
            checkpoint.save,
            self._folder,
            attempt=self._attempt,
            epoch=epoch,
            step=step,
            global_step=epoch * self._ready.steps_per_epoch + step,
            identity=self._identity,
            weights=trained.weights(),
            state=state,
        )
        prepared_seconds = time.monotonic() - began
        pointer, saving_seconds = self._saved_once_there_is_room(save)
        self._before, self._newest = self._newest, pointer
        self._kept_at = time.monotonic()
        self._took_seconds = prepared_seconds + saving_seconds
        return pointer

    def _saved_once_there_is_room(
        self, save: Callable[[], CheckpointPointer]
    ) -> tuple[CheckpointPointer, float]:
        """Save, as often as it takes; return the pointer and how long that took, without the waits."""
        alone = self._ready.trained.group.size == 1
        give_up = None
        while True:
            began = time.monotonic()
            try:
                return save(), time.monotonic() - began
            except NoRoom as problem:
                if give_up is None:
                    give_up = began + ROOM_SECONDS
                    self._recorder.log(f"{problem} The training waits for room.")
                if began > give_up:
                    raise
            # Asked in any case: it tells that this goes on. Of several processes, none can stop without the others.
            if self._recorder.should_stop() and alone:
                raise Stopped
            time.sleep(_LOOK_SECONDS)
