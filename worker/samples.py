"""Samples of the device, by second of the attempt: gathered until there are enough for a chunk."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.contract import DENSE_SERIES
from backend.store.chunks import Samples

SAMPLES_OF_A_CHUNK = 30


@dataclass
class _Gathered:
    first: int = 0
    seconds: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


class SampleBuffer:
    """Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gathered: dict[str, _Gathered] = {}

    def add(self, seconds: float, values: Mapping[str, float]) -> bool:
        """Keep a sample; return whether a chunk is full. A series may begin late, and miss samples."""
        with self._lock:
            for name, value in values.items():
                assert DENSE_SERIES[name].by == "second", name
                gathered = self._gathered.setdefault(name, _Gathered())
                gathered.seconds.append(seconds)
                gathered.values.append(value)
            return any(len(one.values) >= SAMPLES_OF_A_CHUNK for one in self._gathered.values())

    def take(self) -> dict[str, Samples]:
        """Return what was gathered since the last time, by name."""
        with self._lock:
            taken = {
                name: Samples(one.first, one.seconds, one.values)
                for name, one in self._gathered.items()
                if one.values
            }
            for name, one in taken.items():
                self._gathered[name] = _Gathered(first=one.first + len(one.values))
            return taken
