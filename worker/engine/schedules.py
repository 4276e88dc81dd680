"""Schedules: the factor on the optimizer's learning rate at each step, from the number of the step alone.

So a resumed training needs no state of a schedule. Steps are counted from 1 over the whole run.
"""

import math
from collections.abc import Callable

from backend.spec import ScheduleSpec

Schedule = Callable[[int], float]

_ONECYCLE_RISE = 0.3
_ONECYCLE_START = 1 / 25
_ONECYCLE_END = 1 / 250_000
"""Source: the defaults of torch's OneCycleLR (pct_start, div_factor, final_div_factor over div_factor), without its
change of momentum; the idea is Smith & Topin, "Super-Convergence" (arXiv 1708.07120)."""


def schedule_of(spec: ScheduleSpec, *, epochs: int, steps_per_epoch: int) -> Schedule:
    """Return the schedule that `spec` asks for."""
    total_steps = epochs * steps_per_epoch
    # One step at least is left after it, however few there are.
    warmup_steps = min(round(spec.warmup_epochs * steps_per_epoch), total_steps - 1)
    match spec.name:
        case "onecycle":
            return lambda step: onecycle(step, total_steps=total_steps)
        case "cosine":

            def after(step: int) -> float:
                return cosine(step - warmup_steps, total_steps=total_steps - warmup_steps)
        case "step":
            assert spec.step_epochs
            steps_at_once, gamma = spec.step_epochs * steps_per_epoch, spec.gamma

            def after(step: int) -> float:
                return gamma ** ((step - 1) // steps_at_once)
        case _:

            def after(step: int) -> float:
                return 1.0

    return lambda step: step / warmup_steps if step < warmup_steps else after(step)


def cosine(step: int, *, total_steps: int) -> float:
    """Return the factor on half a cosine: 1 at the first step, and 0 just after the last.

    Source: one period, no restart, of Loshchilov & Hutter, "SGDR" (arXiv 1608.03983). Not 0 at the last step itself,
    which would be wasted.
    """
    return (1 + math.cos(math.pi * max(0, step - 1) / total_steps)) / 2


def onecycle(step: int, *, total_steps: int) -> float:
    """Return the factor of one cycle: up along half a cosine over three tenths of the steps, then down to nearly 0."""
    top = max(1.0, _ONECYCLE_RISE * total_steps)
    if step <= top:
        return _between(_ONECYCLE_START, 1.0, step / top)
    return _between(1.0, _ONECYCLE_END, (step - top) / max(1.0, total_steps - top))


def _between(start: float, end: float, share: float) -> float:
    """Return the value at `share` of the way from `start` to `end`, along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
