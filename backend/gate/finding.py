"""Where a client finds its token: given to it, named in the environment, or in the home folder of this machine."""

from functools import cached_property
from pathlib import Path

from backend.errors import InvalidSetting
from backend.gate.operator_token import given_token, home_token_file, read_private
from backend.settings import Settings, read_settings


class TokenFinder:
    """`is_local`: whether the service is asked on the loopback. The home folder's token goes nowhere else."""

    def __init__(self, token: str | None, file: Path | None, *, is_local: bool) -> None:
        if token is not None and file is not None:
            raise InvalidSetting("A client takes a token or the file of one, not both.")
        self._token = token
        self._file = file
        self._is_local = is_local

    @cached_property
    def _settings(self) -> Settings:
        return read_settings()

    def find(self) -> str | None:
        """Return the token as it is now; None where there is none yet.

        Raises:
            InvalidSetting: its file cannot be read, others can read it, or it holds no token.
        """
        if self._token is not None:
            return self._token
        if self._file is not None:
            return _read_if_there(self._file)
        given = given_token(self._settings)
        if given is None and self._is_local:
            given = _read_if_there(home_token_file(self._settings))
        return given

    def advice(self) -> str:
        """Return what to do where the service does not know the token."""
        if self._token is not None:
            return "the one given to the client is wrong, revoked or expired."
        if self._file is not None:
            return f"the one in {self._file} is missing or another service's."
        if self._settings.token.get_secret_value() or self._settings.token_file:
            return "the one of RUNYARD_TOKEN or RUNYARD_TOKEN_FILE is wrong, revoked or expired."
        if not self._is_local:
            return "set RUNYARD_TOKEN or RUNYARD_TOKEN_FILE."
        return (
            f"the one in {home_token_file(self._settings)} is missing or another service's; "
            "set RUNYARD_HOME as the service has it, or RUNYARD_TOKEN."
        )


def _read_if_there(path: Path) -> str | None:
    return read_private(path, "The file of the operator's token") if path.exists() else None
