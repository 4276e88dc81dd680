"""What a running stack uses: memory, file handles and threads of its processes, and the size of SQLite's log."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from tests.processes.stack import Stack

MIB = 2**20


@dataclass(frozen=True)
class Quantity:
    """Something that must stay flat: of one process, or of the file. `most_growth` is in its own unit."""

    owner: str
    name: str
    unit: str
    most_growth: float


Sample = dict[Quantity, float]


class Vitals:
    """Knows the processes of a stack, which must live as long as it is watched: a new one would hide what the old one lost."""

    def __init__(self, stack: Stack, bounds: dict[str, tuple[str, float]]) -> None:
        worker, server = stack.worker_process(), stack.fork_server_process()
        (api,) = [p for p in stack.descendants() if "backend.main" in " ".join(p.cmdline())]
        self._processes = {
            "up": psutil.Process(stack.process.pid),
            "API": api,
            "worker": worker,
            "fork server": server,
        }
        self._wal = stack.home / "runyard.db-wal"
        self._bounds = bounds

    def sample(self) -> Sample:
        """Return what is used now. Raises psutil.NoSuchProcess where one of the processes is gone."""
        found: Sample = {}
        for owner, process in self._processes.items():
            with process.oneshot():
                # Not the proportional size: that of the fork server falls whenever a training shares its pages.
                values = {
                    "memory": process.memory_info().rss / MIB,
                    "handles": process.num_fds(),
                    "threads": process.num_threads(),
                }
            for name, value in values.items():
                found[self._quantity(owner, name)] = value
        found[self._quantity("SQLite", "log")] = _size(self._wal) / MIB
        return found

    def _quantity(self, owner: str, name: str) -> Quantity:
        unit, most_growth = self._bounds[name]
        return Quantity(owner, name, unit, most_growth)


class Watch:
    """Samples again and again in a thread of its own until it is closed. Use it as a context manager."""

    def __init__(self, take: Callable[[], Sample], interval_seconds: float) -> None:
        self.samples: list[Sample] = []
        self.fault: Exception | None = None
        self._take = take
        self._interval_seconds = interval_seconds
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vitals")

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(self._interval_seconds):
            try:
                self.samples.append(self._take())
            except psutil.Error as problem:
                self.fault = problem  # told by the test, which cannot hear it from a thread
                return


@dataclass(frozen=True)
class Growth:
    quantity: Quantity
    before: float
    after: float

    @property
    def is_flat(self) -> bool:
        return self.after - self.before <= self.quantity.most_growth

    def __str__(self) -> str:
        one = self.quantity
        return f"{one.owner} {one.name} {self.before:.4g} to {self.after:.4g}{one.unit and ' ' + one.unit}"


def growth_of_thirds(samples: Sequence[Sample]) -> list[Growth]:
    """Compare the median of the last third with that of the middle one; the first third is warming up."""
    third = len(samples) // 3
    middle, last = samples[third : 2 * third], samples[2 * third :]
    return [
        Growth(quantity, median(one[quantity] for one in middle), median(one[quantity] for one in last))
        for quantity in samples[0]
    ]


def growth_between(before: Sample, after: Sample) -> list[Growth]:
    return [Growth(quantity, before[quantity], after[quantity]) for quantity in before]


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
