"""The axes of a figure: from values to pixels, and at which values a tick stands."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

FEW, MANY = 4, 12
"""About so many ticks up the side, and at most so many along the foot."""


NOTHING = 1e-300
ALIKE = 1e-9
"""Values that differ by no more than this share are one value."""


@dataclass(frozen=True)
class Axis:
    """`low` and `high` are the values at the pixels `first` and `last`; `ticks` lie between them."""

    low: float
    high: float
    first: float
    last: float
    ticks: Sequence[float]

    @classmethod
    def over(cls, values: Sequence[float], first: float, last: float) -> "Axis":
        """Return an axis from one round value to another, with all values between; [0, 1] where there are none."""
        # What is next to nothing counts as 0: steps between such values cannot be told as floats.
        known = [value if abs(value) > NOTHING else 0.0 for value in values if math.isfinite(value)]
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        if high - low <= ALIKE * max(abs(low), abs(high)):  # a constant must not look like a range around it
            low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
        step = round_step((high - low) / FEW)
        places = range(math.floor(low / step), math.ceil(high / step) + 1)
        ticks = [place * step for place in places]
        return cls(ticks[0], ticks[-1], first, last, ticks)

    @property
    def step(self) -> float:
        return self.ticks[1] - self.ticks[0] if len(self.ticks) > 1 else 1.0

    def place(self, value: float) -> float:
        """Return the pixel of a value."""
        return self.first + (value - self.low) / (self.high - self.low) * (self.last - self.first)


def round_step(least: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is no less."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= least * (1 - 1e-9))


def whole_ticks(low: float, high: float) -> list[float]:
    """Return the whole numbers between two values, or every second, fifth ... of them where they are many."""
    step = max(1, int(round_step(max(1.0, (high - low) / MANY))))
    first = max(step, math.ceil(low / step) * step) if low > 0 else math.ceil(low / step) * step
    return [float(value) for value in range(first, math.floor(high) + 1, step)]


def label_of(tick: float, step: float, *, percent: bool) -> str:
    """Return what stands at a tick: so many decimals that its neighbours differ."""
    scale = 100 if percent else 1
    decimals = max(0, -math.floor(math.log10(step * scale) + 1e-9))
    return f"{tick * scale + 0.0:.{decimals}f}{'%' if percent else ''}"
