"""How loaded the machine is while a training goes on: sampled by a thread in the training process.

What is sampled has its names in `backend.contract.DENSE_SERIES`. A value that cannot be had is NaN, a gap in its
series; whatever goes wrong here, the training does not hear of it. It must not know torch or the store.
"""

import math
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType

import psutil

from backend.loops import surviving
from worker.energy import EnergyMeter, EnergyOfEpochs
from worker.gpu_probe import GpuProbe, training_gpus

SAMPLE_SECONDS = 2.0
LEAST_SECONDS = 0.5
"""The stretch before the end is sampled too where it is as long; and however short, where it is all that there was."""
LOOKS_FOR_CHILDREN_EVERY = 5
"""Samples. To find them, all processes of the machine are read: 2.4 ms of processor time for 90 of them."""
CLOSE_SECONDS = 5.0
"""A driver that hangs must not hold up the end of a training."""

Tell = Callable[[float, dict[str, float]], None]


class ProcessFigures:
    """What this process and those that it started take, since the figures before."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._own = psutil.Process()
        self._children: list[psutil.Process] = []
        self._taken = 0
        psutil.cpu_percent()  # it counts from its last call in this thread
        self._at, self._seconds = clock(), self._processor_seconds()

    def take(self) -> dict[str, float]:
        """Return the figures of the stretch since the last call, which must be by the same thread."""
        if self._taken % LOOKS_FOR_CHILDREN_EVERY == 0:
            self._children = self._own.children(recursive=True)
        self._taken += 1
        now, seconds = self._clock(), self._processor_seconds()
        # Of those alone that are known from the last look: a child that is new brings the time of its whole life.
        spent = sum(spent - self._seconds[pid] for pid, spent in seconds.items() if pid in self._seconds)
        cpus = spent / (now - self._at) if now > self._at else math.nan
        self._at, self._seconds = now, seconds
        return {
            "cpu_load": psutil.cpu_percent() / 100,
            "process_cpus": cpus,
            "process_memory_bytes": float(self._memory_bytes()),
        }

    def _processor_seconds(self) -> dict[int, float]:
        found: dict[int, float] = {}
        for process in (self._own, *self._children):
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue  # it has ended since it was found
            found[process.pid] = times.user + times.system
        return found

    def _memory_bytes(self) -> int:
        """Return the resident memory; what processes share counts for each of them."""
        total = 0
        for process in (self._own, *self._children):
            try:
                total += process.memory_info().rss
            except psutil.Error:
                continue
        return total


def gpu_figures(gpus: Sequence[GpuProbe]) -> dict[str, float]:
    """Return the figures of some GPUs together: their mean load, and the sum of the others; {} for none."""
    if not gpus:
        return {}
    return {
        "gpu_load": sum(gpu.load() for gpu in gpus) / len(gpus),
        "gpu_memory_bytes": sum(gpu.memory_bytes() for gpu in gpus),
        "gpu_watts": sum(gpu.watts() for gpu in gpus),
    }


class DeviceFigures:
    """Tells a sample every few seconds, from a thread. A context manager around the training.

    `began_at` is the time.monotonic() that samples count their seconds from. `find_gpus` is called by the thread:
    to ask the driver takes a moment, which the training need not wait for.
    """

    def __init__(
        self,
        tell: Tell,
        began_at: float,
        find_gpus: Callable[[], Sequence[GpuProbe]] = list,
        sample_seconds: float = SAMPLE_SECONDS,
    ) -> None:
        self._tell = tell
        self._began_at = began_at
        self._find_gpus = find_gpus
        self._sample_seconds = sample_seconds
        self._energy: EnergyOfEpochs | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="device-figures", daemon=True)

    def __enter__(self) -> "DeviceFigures":
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._thread.join(CLOSE_SECONDS)

    def take_energy_wh(self) -> float | None:
        """Return the watt-hours of the GPUs since the last call, or since the start; None where they are not told."""
        return self._energy and self._energy.take_wh()

    def _run(self) -> None:
        gpus: Sequence[GpuProbe] = []
        with surviving("device figures"):
            gpus = self._find_gpus()
        meter = EnergyMeter(gpus)
        self._energy = EnergyOfEpochs(meter)
        self._sample_until_closed(gpus, meter)

    def _sample_until_closed(self, gpus: Sequence[GpuProbe], meter: EnergyMeter) -> None:
        process = ProcessFigures()
        last, closing, is_first = time.monotonic(), False, True
        while not closing:
            closing = self._closing.wait(self._sample_seconds)
            now = time.monotonic()
            if closing and not is_first and now - last < LEAST_SECONDS:
                return
            last, is_first = now, False
            with surviving("device figures"):
                meter.read()  # a GPU without a counter is asked for its power at each sample
                self._tell(now - self._began_at, {**gpu_figures(gpus), **process.take()})


def figures_of_training(tell: Tell, began_at: float, device: str, count: int) -> DeviceFigures:
    """Return the figures of a training on a kind of device, "cpu" or "cuda", and so many of them."""
    return DeviceFigures(tell, began_at, (lambda: training_gpus(count)) if device == "cuda" else list)
