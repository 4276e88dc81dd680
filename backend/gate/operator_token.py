"""The operator's token: given by a setting, or made at the first start, in a file that only its owner may read."""

import os
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from backend.errors import InvalidSetting
from backend.settings import Settings

TOKEN_BYTES = 32
SHORTEST_TOKEN = 32
"""Characters. A token that we make has 43."""
LONGEST_TOKEN = 512
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def new_token() -> str:
    """Return 256 bits by chance, as text that fits into a header."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def operator_token(settings: Settings) -> str:
    """Return the operator's token; make one in the home folder where none was given and none is there.

    Raises:
        InvalidSetting: it is too short or can be read by others, or an address that other machines reach
            comes without a token that somebody chose to give.
    """
    given = given_token(settings)
    if given is not None:
        return given
    if not settings.is_local:
        raise InvalidSetting(
            f"RUNYARD_HOST is {settings.host!r}, which other machines can reach: "
            "give a token by RUNYARD_TOKEN_FILE (or RUNYARD_TOKEN) first."
        )
    settings.make_home()
    path = home_token_file(settings)
    if not path.exists():
        _make(path)
    return read_private(path, "The file of the operator's token")


def given_token(settings: Settings) -> str | None:
    """Return the token of RUNYARD_TOKEN or RUNYARD_TOKEN_FILE; None where neither is set.

    Raises:
        InvalidSetting: both are set, or the one that is cannot be a token.
    """
    text = settings.token.get_secret_value().strip()
    if text and settings.token_file:
        raise InvalidSetting("RUNYARD_TOKEN and RUNYARD_TOKEN_FILE are both set: keep one of them.")
    if text:
        return _checked(text, "RUNYARD_TOKEN")
    if settings.token_file:
        return read_private(settings.token_file, "RUNYARD_TOKEN_FILE")
    return None


def home_token_file(settings: Settings) -> Path:
    return settings.home / "token"


def read_private(path: Path, what: str) -> str:
    """Return the token in a file that no other user may read.

    A file that another user owns, or that lies on a file system mounted for reading only, is taken as it is: so
    containers are given their secrets (as root, with mode 0444), and nobody in here could change its mode.

    Raises:
        InvalidSetting: it cannot be read, others can read it, or it holds no token.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            fixed = bool(os.fstatvfs(file.fileno()).f_flag & os.ST_RDONLY)
            text = file.read(LONGEST_TOKEN + 2).decode("ascii", "replace").strip()
    except OSError as problem:
        raise InvalidSetting(f"{what} is {str(path)!r}, which cannot be read: {problem.strerror}.") from None
    if found.st_mode & OTHERS and found.st_uid == os.geteuid() and not fixed:
        raise InvalidSetting(
            f"{what} is {str(path)!r}, which other users of this machine can read: run `chmod 600 {path}`."
        )
    return _checked(text, f"{what} ({path})")


def _checked(text: str, what: str) -> str:
    """Return a token that is long enough; a refusal never shows what it is."""
    if not SHORTEST_TOKEN <= len(text) <= LONGEST_TOKEN:
        raise InvalidSetting(
            f"{what} holds {len(text)} characters: a token has {SHORTEST_TOKEN} to {LONGEST_TOKEN}, "
            'such as `python3 -c "import secrets; print(secrets.token_urlsafe(32))"` prints.'
        )
    if not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidSetting(
            f"{what} holds a space or another character that no token has: use A-Z a-z 0-9 _ -."
        )
    return text


def _make(path: Path) -> None:
    """Write a new token: the whole file appears at once, and never over one that is there."""
    number, draft = tempfile.mkstemp(prefix=".token-", dir=path.parent)  # 0600, O_EXCL
    try:
        with os.fdopen(number, "w") as file:
            file.write(f"{new_token()}\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was a moment earlier: its token counts
            os.link(draft, path)
    finally:
        Path(draft).unlink()
