"""How fast a training goes, and so how long it still takes: steps and the ends of epochs are told apart.

A process may begin in the middle of an epoch, and evaluation may take as long as many steps: a mean of whole epochs
would be wrong for the one that it saw a part of. It must not know what it is used for; times are given to it.
"""

from dataclasses import dataclass


@dataclass
class Pace:
    """Told of each step that is done and of each epoch that has ended, with its test and what it saved."""

    _epoch: int = 0
    _step: int = 0
    _steps: int = 0
    _told_at: float = 0.0
    _timed_steps: int = 0
    _seconds_of_steps: float = 0.0
    _ended_epochs: int = 0
    _seconds_of_ends: float = 0.0

    def step(self, now: float, epoch: int, step: int, steps: int) -> None:
        """Take note that `step` of the `steps` of an epoch is done. The first one only starts the clock: it warms up."""
        if self._epoch:
            self._timed_steps += step - (self._step if epoch == self._epoch else 0)
            self._seconds_of_steps += now - self._told_at
        self._epoch, self._step, self._steps, self._told_at = epoch, step, steps, now

    def epoch_ended(self, now: float) -> None:
        """Take note that all that follows the last step of an epoch is done."""
        if self._epoch:
            self._ended_epochs += 1
            self._seconds_of_ends += now - self._told_at
            self._epoch, self._step = self._epoch + 1, 0
        self._told_at = now

    def seconds_left(self, now: float, epochs: int) -> float | None:
        """Return how long it still takes to the end of the last of `epochs`; None while nothing was timed.

        An upper limit where a training may stop early.
        """
        if not self._timed_steps:
            return None
        epochs_left = epochs - self._epoch + 1
        of_a_step = self._seconds_of_steps / self._timed_steps
        of_an_end = self._seconds_of_ends / self._ended_epochs if self._ended_epochs else 0.0
        whole = of_a_step * (self._steps * epochs_left - self._step) + of_an_end * epochs_left
        return max(0.0, whole - (now - self._told_at))
