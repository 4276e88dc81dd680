"""The login cookie: what it says is readable, signed with the operator's token, and stored nowhere.

So a login outlives a restart of the service, and ends with the operator's token, its own time, or the table token
that it was made for.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from backend.gate.roles import Role

LIFE_SECONDS = 30 * 86400
LONGEST_COOKIE = 1024
"""Enough for a name of 100 characters of four bytes each."""


@dataclass(frozen=True)
class Claim:
    """What a cookie says: who it is, and until when (seconds since 1970).

    `mark` is the beginning of the SHA-256 of the table token that logged in, as a name can be given again after a
    revocation; None for the operator's own token.
    """

    name: str
    role: Role
    mark: str | None
    expires_at: int


class CookieSigner:
    """Writes and reads cookie values. `clock` gives seconds since 1970."""

    def __init__(self, operator_token: str, clock: Callable[[], float] = time.time) -> None:
        self._key = hmac.digest(operator_token.encode(), b"runyard login cookie 1", hashlib.sha256)
        self._clock = clock

    def value(self, name: str, role: Role, mark: str | None, life_seconds: float = LIFE_SECONDS) -> str:
        claim = Claim(name, role, mark, int(self._clock() + life_seconds))
        said = _encode(json.dumps(asdict(claim), sort_keys=True, ensure_ascii=False).encode())
        return f"{said}.{self._signature(said)}"

    def read(self, value: str) -> Claim | None:
        """Return what a cookie says; None where it was not signed by us, or its time is over."""
        said, _, signature = value.partition(".")
        # As bytes: text that is not ASCII cannot be compared in constant time.
        if len(value) > LONGEST_COOKIE or not hmac.compare_digest(
            signature.encode(), self._signature(said).encode()
        ):
            return None
        claim = Claim(**json.loads(_decode(said)))
        return claim if claim.expires_at > self._clock() else None

    def _signature(self, said: str) -> str:
        return _encode(hmac.digest(self._key, said.encode(), hashlib.sha256))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
