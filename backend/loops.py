"""Threads that must not die: what goes wrong in one round is logged, and the next round comes.

A thread that ends by an unexpected error takes a part of the service with it, silently: no page hears anything
more, no lease is expired, no worker looks for work. So each round of such a loop runs under `surviving`.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from backend.store.session import STORE_AWAY

log = structlog.get_logger()


@contextmanager
def surviving(what: str) -> Iterator[None]:
    """Log whatever one round of a loop raises, and go on after it."""
    try:
        yield
    except STORE_AWAY as problem:
        log.warning("the store is out of reach", of=what, error=str(getattr(problem, "orig", problem)))
    except Exception:
        log.exception("an unexpected fault; going on", of=what)


class Pulse:
    """When something last went well, by a clock that nobody sets. Threads may share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at: float | None = None

    def beat(self) -> None:
        self._at = self._clock()

    def age(self) -> float | None:
        """Return how many seconds ago that was; None where it never was."""
        at = self._at
        return None if at is None else self._clock() - at


class Rounds(ABC):
    """A thread that goes round, a pause after each round, until it is closed. The database may be away for a while."""

    def __init__(self, name: str, pause_seconds: float) -> None:
        self._pause_seconds = pause_seconds
        self._closed = threading.Event()
        self.pulse = Pulse()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def _round(self) -> None:
        """Do one round under `surviving`, and let the pulse beat where it went well."""

    def start(self) -> None:
        self.thread.start()

    def close(self) -> None:
        self._closed.set()
        self.thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            self._round()
            if self._closed.wait(self._pause_seconds):
                return
