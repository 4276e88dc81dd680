"""Pointers to checkpoints, as workers report them and `Run.checkpoint` keeps them.

{"epoch": finished epochs, "step": steps done in the epoch after it, "global_step": all steps done, "name", "sha256",
"before": the pointer before it, without its own "before", or null}. Those of older versions lack step, global_step and
before: they were made at the ends of epochs, of runs that kept no series of steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Pointer = Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """How far a training had come: `step` is of the epoch after the finished ones, `global_step` counts all."""

    epoch: int = 0
    step: int = 0
    global_step: int = 0

    def __str__(self) -> str:
        if not self.epoch and not self.step:
            return "the beginning"
        within = f"step {self.step} of epoch {self.epoch + 1}" if self.step else f"epoch {self.epoch}"
        return f"the checkpoint of {within}"

    def epochs_done(self) -> float:
        """Return the finished epochs and the part of the next one; that counts as none while no epoch tells its steps."""
        if not self.epoch:
            return 0.0
        steps_of_an_epoch = (self.global_step - self.step) / self.epoch
        return self.epoch + (self.step / steps_of_an_epoch if steps_of_an_epoch > 0 else 0.0)


def place(pointer: Pointer | None) -> Place:
    """Return where a pointer leads to; None leads to the beginning."""
    if pointer is None:
        return Place()
    return Place(pointer["epoch"], pointer.get("step", 0), pointer.get("global_step", 0))


def chained(pointer: Pointer, before: Pointer | None) -> dict[str, Any]:
    """Return a pointer that remembers the one before it, which in turn remembers none."""
    return {**pointer, "before": before and {k: v for k, v in before.items() if k != "before"}}


def before(pointer: Pointer) -> dict[str, Any] | None:
    """Return the pointer before one; None where there was none."""
    earlier = pointer.get("before")
    return earlier and {**earlier, "before": None}
