"""The series of steps, gathered on the device and read back in chunks: many steps, one wait for the device."""

import time

import torch
from torch import Tensor

from worker.engine.group import Group
from worker.engine.recorder import Recorder

CHUNK_STEPS = 1000
LONGEST_SECONDS = 10.0
"""A chunk is handed on after so long even where it is not full: people watch slow trainings too."""


class StepSeries:
    """Keeps the values of each step, until `hand_on`, which all processes call at the same steps."""

    def __init__(self, recorder: Recorder, device: torch.device, group: Group, *, with_norm: bool) -> None:
        self._recorder = recorder
        self._group = group
        self._names = ["step_loss", "step_lr", *(["step_gradient_norm"] if with_norm else [])]
        self._values = torch.empty((CHUNK_STEPS, len(self._names)), dtype=torch.float64, device=device)
        self._count = 0
        self._first_step = 0
        self._began = time.monotonic()

    def add(self, global_step: int, loss: Tensor, lr: float, norm: Tensor | None) -> None:
        """Take in a step; `loss` is this process' part of the mean over the batch."""
        if self._count == 0:
            self._first_step = global_step
        row = self._values[self._count]
        row[0], row[1] = loss, lr
        if norm is not None:
            row[2] = norm
        self._count += 1
        if self._count == CHUNK_STEPS or self._is_late():
            self.hand_on()

    def hand_on(self) -> None:
        """Give the recorder what there is: before each checkpoint, so that going back to one cuts between chunks."""
        if self._count:
            losses = self._values[: self._count, 0].contiguous()
            self._group.sum(losses)
            self._values[: self._count, 0] = losses
            values = self._values[: self._count].cpu().numpy().copy()
            self._recorder.steps(
                self._first_step, {name: values[:, column] for column, name in enumerate(self._names)}
            )
        self._count = 0
        self._began = time.monotonic()

    def _is_late(self) -> bool:
        # Several processes would not find it late at the same step.
        return self._group.size == 1 and time.monotonic() - self._began > LONGEST_SECONDS
