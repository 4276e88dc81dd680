"""Further tokens: made, listed and revoked by a person on the host, looked up by the gate. Known by SHA-256 alone."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.store import clock
from backend.store.changes import changed
from backend.store.tables import Token

SECONDS_BETWEEN_USES = 60.0
"""How often the last use is written down: a page that asks ten times a second writes once a minute."""


def create(
    session: Session, *, name: str, prefix: str, sha256: str, role: str, life_seconds: float | None
) -> bool:
    """Store a token; return False where the name is taken."""
    now = clock.read_now(session)
    row = {"name": name, "prefix": prefix, "sha256": sha256, "role": role, "created_at": now}
    try:
        with session.begin_nested():
            session.execute(
                insert(Token).values(**row, expires_at=None if life_seconds is None else now + life_seconds)
            )
    except IntegrityError:  # two who choose one name at once: one of them is told
        return False
    return True


def everything(session: Session) -> Sequence[Token]:
    """Return all tokens, by name; expired ones as well."""
    return session.scalars(select(Token).order_by(Token.name)).all()


def revoke(session: Session, name: str) -> bool:
    """Forget a token; return False where there is none of this name."""
    return changed(session, delete(Token).where(Token.name == name)) == 1


def find(session: Session, sha256: str) -> Token | None:
    """Return the token with this hash, unless its time is over."""
    return session.scalars(select(Token).where(Token.sha256 == sha256, _is_good(session))).one_or_none()


def find_named(session: Session, name: str, mark: str) -> Token | None:
    """Return the token of this name whose hash begins with `mark`, unless its time is over."""
    return session.scalars(
        select(Token).where(
            Token.name == name, Token.sha256.startswith(mark, autoescape=True), _is_good(session)
        )
    ).one_or_none()


def is_use_due(session: Session, token: Token) -> bool:
    """Return whether the last use was written down long ago."""
    return token.last_used_at is None or clock.read_now(session) - token.last_used_at >= SECONDS_BETWEEN_USES


def note_use(session: Session, token_id: int) -> bool:
    """Write down that a token is used now; return False where that was done within the last minute."""
    now = clock.now(session)
    long_ago = or_(Token.last_used_at.is_(None), Token.last_used_at <= now - SECONDS_BETWEEN_USES)
    return changed(session, update(Token).where(Token.id == token_id, long_ago).values(last_used_at=now)) == 1


def _is_good(session: Session):
    return or_(Token.expires_at.is_(None), Token.expires_at > clock.now(session))
