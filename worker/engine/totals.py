"""What has come of an epoch so far, so that one that was broken off can go on from within."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from worker.engine.group import Group
from worker.engine.step import Stepped


@dataclass
class EpochTotals:
    """Sums over the images trained on: on the device, in double precision, read back once, at the epoch's end."""

    loss_sum: Tensor
    correct: Tensor
    trained: int = 0
    """Images of all processes."""
    steps: int = 0
    seconds: float = 0.0
    """Of earlier attempts at this epoch."""
    trained_before: int = field(default=0)
    """Images of those attempts."""

    @classmethod
    def none(cls, device: torch.device) -> "EpochTotals":
        return cls(
            torch.zeros((), dtype=torch.float64, device=device),
            torch.zeros((), dtype=torch.int64, device=device),
        )

    def add(self, stepped: Stepped, whole: int) -> None:
        """Take in a step over `whole` images in all processes."""
        self.loss_sum += stepped.loss_sum
        self.correct += stepped.correct
        self.trained += whole
        self.steps += 1

    def means(self, group: Group) -> tuple[float, float]:
        """Return the mean loss and the share that was right, over all processes. Waits for the device."""
        loss_sum, correct = self.loss_sum.clone(), self.correct.clone()
        group.sum(loss_sum)
        group.sum(correct)
        return loss_sum.item() / self.trained, correct.item() / self.trained

    def state(self, group: Group, seconds: float) -> dict[str, Any]:
        """Return all of it as of now, `seconds` after this attempt at the epoch began. Waits for the device."""
        loss_sum, correct = self.loss_sum.clone(), self.correct.clone()
        group.sum(loss_sum)
        group.sum(correct)
        return {
            "loss_sum": loss_sum.item(),
            "correct": correct.item(),
            "trained": self.trained,
            "steps": self.steps,
            "seconds": self.seconds + seconds,
        }

    @classmethod
    def going_on(cls, state: dict[str, Any], device: torch.device, group: Group) -> "EpochTotals":
        """Return the totals of a state; rank 0 holds the sums, or they would count once for each process."""
        totals = cls.none(device)
        if group.rank == 0:
            totals.loss_sum += state["loss_sum"]
            totals.correct += state["correct"]
        totals.trained = totals.trained_before = state["trained"]
        totals.steps, totals.seconds = state["steps"], state["seconds"]
        return totals
