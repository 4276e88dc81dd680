"""From what a request carries to who sent it: the operator's token, a table token, or a cookie made from one of them."""

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import structlog
from sqlalchemy.orm import Session

from backend.gate.cookies import LIFE_SECONDS, Claim, CookieSigner
from backend.gate.roles import Role
from backend.store import tokens
from backend.store.session import STORE_AWAY, Database
from backend.store.tables import Token

OPERATOR = "operator"
"""How the holder of the operator's own token is called."""
MARK_LENGTH = 32

log = structlog.get_logger()


@dataclass(frozen=True)
class Visitor:
    """Who sent a request. `mark` tells the table token; None for the operator's own."""

    name: str
    role: Role
    mark: str | None = None
    expires_at: float | None = None


THE_OPERATOR = Visitor(OPERATOR, "operator")


class Keys:
    """Knows the operator's token by its hash, and table tokens by the store."""

    def __init__(
        self, operator_token: str, database: Database, clock: Callable[[], float] = time.time
    ) -> None:
        self._operator_hash = hash_of(operator_token)
        self._cookies = CookieSigner(operator_token, clock)
        self._database = database
        self._clock = clock

    def operator(self, token: str) -> Visitor | None:
        """Return the operator where this is the operator's own token. Asks no database."""
        return THE_OPERATOR if hmac.compare_digest(hash_of(token), self._operator_hash) else None

    def holder(self, token: str) -> Visitor | None:
        """Return who holds a token of either kind; None where it is unknown, revoked or expired."""
        return self.operator(token) or self._visitor(lambda session: tokens.find(session, hash_of(token)))

    def claim(self, cookie: str) -> Claim | None:
        """Return what a cookie says, if we signed it and its time is not over. Asks no database."""
        return self._cookies.read(cookie)

    def claimant(self, name: str, mark: str) -> Visitor | None:
        """Return the holder of a table token that a cookie names; None where it was revoked or has expired since."""
        return self._visitor(lambda session: tokens.find_named(session, name, mark))

    def still(self, visitor: Visitor) -> Visitor | None:
        """Return somebody who was let in before as they are now; None where their token was revoked or has expired."""
        return visitor if visitor.mark is None else self.claimant(visitor.name, visitor.mark)

    def is_good(self, visitor: Visitor) -> bool:
        """Return whether somebody who was let in would be let in now; a store that is away turns nobody out."""
        try:
            return self.still(visitor) is not None
        except STORE_AWAY:
            return True

    def cookie(self, visitor: Visitor) -> tuple[str, int]:
        """Return a cookie's value and its life in seconds: a month, or what is left of the token's."""
        left = LIFE_SECONDS if visitor.expires_at is None else visitor.expires_at - self._clock()
        life_seconds = max(0, int(min(LIFE_SECONDS, left)))
        return self._cookies.value(visitor.name, visitor.role, visitor.mark, life_seconds), life_seconds

    def _visitor(self, find: Callable[[Session], Token | None]) -> Visitor | None:
        with self._database.read() as session:
            token = find(session)
            if token is None:
                return None
            is_due = tokens.is_use_due(session, token)
        if is_due:
            self._note_use(token)
        return Visitor(token.name, cast("Role", token.role), token.sha256[:MARK_LENGTH], token.expires_at)

    def _note_use(self, token: Token) -> None:
        try:
            with self._database.write() as session:
                tokens.note_use(session, token.id)
        except STORE_AWAY:
            # A full disk or a locked database must not keep a reader out.
            log.warning("the use of a token could not be written down", token=token.name)


def hash_and_prefix(token: str) -> tuple[str, str]:
    """Return what is stored of a token: its SHA-256, and the beginning that a person knows it by."""
    return hash_of(token), token[:8]


def hash_of(secret: str) -> str:
    """Return the SHA-256 of a token or code, whatever text somebody sends as one."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
