"""One-time codes of login links: in the memory of the service, as hashes, each good once and for a day."""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable

CODE_BYTES = 24
LIFE_SECONDS = 24 * 3600
MOST_CODES = 100
"""The oldest go first: a script that asks for links all day fills no memory."""


class LoginCodes:
    """`clock` counts seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def make(self) -> str:
        """Return a new code."""
        code = secrets.token_urlsafe(CODE_BYTES)
        with self._lock:
            while len(self._until) >= MOST_CODES:
                del self._until[next(iter(self._until))]
            self._until[_hash(code)] = self._clock() + LIFE_SECONDS
        return code

    def use(self, code: str) -> bool:
        """Return whether a code is good, and make it good no more."""
        with self._lock:
            until = self._until.pop(_hash(code), None)
        return until is not None and self._clock() < until


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
