"""One-time codes of login links: in the memory of the service, as hashes, each good once and for a day.

A code lets in as the one who made it, and as nobody else.
"""

import secrets
import threading
import time
from collections.abc import Callable

from backend.gate.keys import Visitor, hash_of

CODE_BYTES = 24
LIFE_SECONDS = 24 * 3600
MOST_CODES = 100
"""The oldest go first: a script that asks for links all day fills no memory."""


class LoginCodes:
    """`clock` counts seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._made: dict[str, tuple[Visitor, float]] = {}

    def make(self, maker: Visitor) -> str:
        """Return a new code."""
        code = secrets.token_urlsafe(CODE_BYTES)
        with self._lock:
            while len(self._made) >= MOST_CODES:
                del self._made[next(iter(self._made))]
            self._made[hash_of(code)] = (maker, self._clock() + LIFE_SECONDS)
        return code

    def use(self, code: str) -> Visitor | None:
        """Return who made a code, if it is good, and make it good no more."""
        with self._lock:
            made = self._made.pop(hash_of(code), None)
        if made is None:
            return None
        maker, until = made
        return maker if self._clock() < until else None
