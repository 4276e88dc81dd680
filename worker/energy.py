"""The energy that GPUs take: by their own counters, else by their power, summed up. Must not know NVML or a run."""

import math
import threading
import time
from collections.abc import Callable, Sequence

from worker.gpu_probe import GpuProbe

JOULES_IN_A_WATT_HOUR = 3600


class EnergyMeter:
    """Counts all its GPUs together. `read` is to be called every few seconds: power is known at those moments alone."""

    def __init__(self, gpus: Sequence[GpuProbe], clock: Callable[[], float] = time.monotonic) -> None:
        self._sources = [
            gpu.joules if math.isfinite(gpu.joules()) else PowerSum(gpu.watts, clock).read for gpu in gpus
        ]

    def read(self) -> float:
        """Return the joules since some moment that stays the same; NaN where a GPU does not tell them now."""
        return sum(source() for source in self._sources) if self._sources else math.nan


class PowerSum:
    """The energy up to now from the power at each reading; in between it is taken to change in a line."""

    def __init__(self, watts: Callable[[], float], clock: Callable[[], float]) -> None:
        self._watts = watts
        self._clock = clock
        self._lock = threading.Lock()
        self._joules = 0.0
        self._at, self._last = clock(), watts()

    def read(self) -> float:
        """Return the joules since it was made; NaN before the power was told for the first time."""
        with self._lock:
            now, watts = self._clock(), self._watts()
            if not math.isfinite(watts):
                return math.nan  # the next reading that tells it bridges the gap
            if math.isfinite(self._last):
                self._joules += (now - self._at) * (self._last + watts) / 2
            self._at, self._last = now, watts
            return self._joules


class EnergyOfEpochs:
    """Splits what a meter counts among epochs."""

    def __init__(self, meter: EnergyMeter) -> None:
        self._meter = meter
        self._mark = meter.read()

    def take_wh(self) -> float | None:
        """Return the watt-hours since the last call that told them; None where that is not known now."""
        joules = self._meter.read()
        taken = joules - self._mark
        if not math.isfinite(taken):
            # Nothing is lost by a reading that failed: the next one counts from where this one would have.
            self._mark = self._mark if math.isfinite(self._mark) else joules
            return None
        self._mark = joules
        return taken / JOULES_IN_A_WATT_HOUR
