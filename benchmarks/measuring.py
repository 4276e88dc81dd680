"""How training is measured: what a loop costs, at which pace it goes, and what the machine could do at most.

On a CPU the cost is CPU seconds, of all threads and of ended child processes: walls say more about what else the
machine does. On a GPU, and where `walls` are asked for, it is the wall, read when the device has done all that it was told.
"""

import os
import platform
import resource
import statistics
import time
from collections.abc import Callable

import torch
import torchvision

from backend.catalog.models import NODES_AT_PIXELS, models
from worker.engine.environment import git_commit, processor_name
from worker.engine.recorder import MemoryRecorder

Action = Callable[[], object]

_PASSES = 3
"""Forward, and backward for the weights and for the layer before: each costs as much."""


class Clock:
    """What has been spent so far, in seconds. `unit` says of what."""

    def __init__(self, device: torch.device, *, walls: bool = False) -> None:
        self._device = device
        self._walls = walls or device.type == "cuda"
        self.unit = "s" if self._walls else "CPU s"

    def now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        if self._walls:
            return time.perf_counter()
        spent = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(one.ru_utime + one.ru_stime for one in spent)

    def cost(self, action: Action) -> float:
        began = self.now()
        action()
        return self.now() - began


class Pace:
    """Times the batches after the first `skipped` ones: call it after each, and stop where it says so."""

    def __init__(self, clock: Clock, *, skipped: int, timed: int) -> None:
        self._clock = clock
        self._first, self._last = skipped, skipped + timed
        self._done = 0
        self._began = self.seconds = float("nan")

    @property
    def is_over(self) -> bool:
        return self._done >= self._last

    def __call__(self) -> bool:
        self._done += 1
        if self._done == self._first:
            self._began = self._clock.now()
        elif self._done == self._last:
            self.seconds = self._clock.now() - self._began
        return self.is_over


class PacedRecorder(MemoryRecorder):
    """Stops the engine's training when its pace is known."""

    def __init__(self, pace: Pace) -> None:
        super().__init__(stop_when=lambda _: pace.is_over)
        self._pace = pace

    def progress(self, *, epoch: int, step: int, steps: int, images_per_second: float) -> None:
        self._pace()


def medians(clock: Clock, repeats: int, *actions: Action) -> list[float]:
    """Return the median cost of each action. They take turns, so that a busy minute of the machine falls on all."""
    costs = [[clock.cost(action) for action in actions] for _ in range(repeats)]
    return [statistics.median(one) for one in zip(*costs, strict=True)]


def peak_flops(clock: Clock, device: torch.device, dtype: torch.dtype = torch.float32) -> float:
    """Return what a large product of matrices reaches: floating-point operations per second of the clock's."""
    side, rounds = (8192, 50) if device.type == "cuda" else (2048, 6)
    left, right = (torch.rand(side, side, device=device).to(dtype) for _ in range(2))
    out = torch.empty_like(left)

    def multiply() -> None:
        for _ in range(rounds):
            torch.mm(left, right, out=out)

    clock.cost(multiply)  # warm
    return 2 * side**3 * rounds / min(clock.cost(multiply) for _ in range(3))


def training_flops(arch: str, pixels: int) -> float:
    """Return the floating-point operations of training on one image; two to a multiply-add."""
    model = models()[arch]
    area = (pixels / NODES_AT_PIXELS) ** 2
    mega_macs = model.vector_mega_macs + (model.mega_macs - model.vector_mega_macs) * area
    return 2e6 * mega_macs * _PASSES


def machine(device: torch.device) -> str:
    """Return versions and machine, in two lines."""
    on_gpu = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if on_gpu else processor_name()
    commit = git_commit() or "unknown"
    return (
        f"Python {platform.python_version()}, torch {torch.__version__}, torchvision {torchvision.__version__}, "
        f"commit {commit[:12]}{'+changes' * commit.endswith('+changes')}\n"
        f"{device.type}: {name}; {os.cpu_count()} cores, {torch.get_num_threads()} threads, {platform.machine()}"
    )


class Table:
    """Prints rows as they come: the first column to the left, all others to the right."""

    def __init__(self, *columns: str) -> None:
        self._widths = [max(46 if place == 0 else 0, len(name)) for place, name in enumerate(columns)]
        self.row(*columns)

    def row(self, *cells: str) -> None:
        first, *others = (f"{cell:>{width}}" for cell, width in zip(cells, self._widths, strict=True))
        print("  ".join([f"{first.strip():<{self._widths[0]}}", *others]), flush=True)
