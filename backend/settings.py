"""The settings: read from the environment once, at the composition root, and passed down.

Every name in the environment begins with RUNYARD_ (RUNYARD_HOME, RUNYARD_DATABASE_URL, ...).
A value that cannot work is refused at start with one sentence.
"""

import os
import re
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from backend.errors import InvalidSetting

LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Addresses that mean all of this machine's, and the one of them that this machine itself asks."""

HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9])?|[0-9a-f:]*:[0-9a-f:.]*")


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="RUNYARD_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    home: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("runyard")),
        description="Folder of the embedded database, the broker, data sets and checkpoints.",
    )
    database_url: str = Field(default="", description="SQLAlchemy URL; empty: SQLite in the home folder.")
    broker_url: str = Field(
        default="embedded",
        description="embedded (a broker of our own in the home folder), filesystem, or redis://...",
    )
    host: str = Field(
        default="127.0.0.1", description="Address to listen at; beyond the loopback only with a token given."
    )
    port: int = Field(default=8420, ge=0, le=65535)
    hosts: str = Field(
        default="", description="Further names, with commas, under which browsers may ask for the pages."
    )
    token: SecretStr = Field(
        default=SecretStr(""), description="The operator's token; empty: one is made in the home folder."
    )
    token_file: Path | None = Field(default=None, description="A file with the operator's token.")
    lease_seconds: float = Field(default=60.0, ge=1, le=3600)
    poll_seconds: float = Field(
        default=2.0, gt=0, le=60, description="How often an idle worker looks for work without being rung."
    )
    backoff_seconds: float = Field(
        default=2.0,
        ge=0,
        le=3600,
        description="Wait before the first retry of a run whose worker was lost; then doubled.",
    )
    checkpoint_seconds: float = Field(
        default=30.0,
        ge=0,
        le=86400,
        description="Least time between two checkpoints of a run, at ends of epochs.",
    )
    checkpoint_within_epoch_seconds: float = Field(
        default=60.0, ge=0, le=86400, description="The same within an epoch that takes longer."
    )
    stall_seconds: float = Field(
        default=1800.0, ge=5, le=86400, description="A training without a finished step for so long is ended."
    )
    drain_seconds: float = Field(
        default=8.0,
        gt=0,
        le=600,
        description="Time a worker gives its training to stop when it is told to go.",
    )
    worker_lost_seconds: float = Field(
        default=15.0,
        gt=0,
        le=3600,
        description="A worker that was not heard of for so long is shown as lost.",
    )
    cpu_threads: int = Field(
        default=0, ge=0, le=1024, description="Threads of one training on a CPU; 0: torch's choice."
    )
    calibrate: bool = Field(
        default=True,
        description="Whether an idle worker measures its device once, for estimates: some 10 s of a training's work.",
    )
    devices_per_worker: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Devices that one worker holds, for runs that share each batch among several of them.",
    )
    features_gib: float = Field(
        default=25.0,
        ge=0,
        le=100_000,
        description="Room on a worker's disk for features; what does not fit is made anew in each epoch.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("hosts")
    @classmethod
    def _names_only(cls, hosts: str) -> str:
        names = [name.strip().lower() for name in hosts.split(",") if name.strip()]
        for name in names:
            if not HOST_NAME.fullmatch(name):
                raise ValueError(f"'{name}' is no host name; write names without http:// and without a port")
        return ",".join(names)

    @field_validator("home")
    @classmethod
    def _fits_an_address(cls, home: Path) -> Path:
        # SQLAlchemy would read what comes after it as options, and there is no way to quote it.
        if "?" in str(home.expanduser().absolute()):
            raise ValueError("the address of the database in it cannot hold a '?'; name a folder without one")
        return home

    @field_validator("home", "token_file")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path and path.expanduser().absolute()

    def make_home(self) -> None:
        """Make the home folder.

        Raises:
            InvalidSetting: it cannot be made, or not written to.
        """
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as problem:
            raise InvalidSetting(
                f"RUNYARD_HOME is {str(self.home)!r}: this folder cannot be made ({problem.strerror})."
            ) from None
        if not os.access(self.home, os.W_OK | os.X_OK):
            raise InvalidSetting(f"RUNYARD_HOME is {str(self.home)!r}: this folder cannot be written to.")

    @property
    def accepted_hosts(self) -> set[str]:
        """The names that a request may ask for: those of the loopback, the address itself, and RUNYARD_HOSTS."""
        named = {self.host.lower(), *self.hosts.split(",")}
        return {*LOOPBACK, *named} - {"", *EVERYWHERE}

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host in LOOPBACK

    @property
    def local_host(self) -> str:
        """Where this machine itself asks."""
        return EVERYWHERE.get(self.host, self.host)

    def address(self, port: int | None = None) -> str:
        """Return the URL of the service, without a slash at its end."""
        host = f"[{self.local_host}]" if ":" in self.local_host else self.local_host
        return f"http://{host}:{self.port if port is None else port}"

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'runyard.db'}"

    @property
    def data_folder(self) -> Path:
        return self.home / "data"

    @property
    def runs_folder(self) -> Path:
        return self.home / "runs"

    @property
    def features_folder(self) -> Path:
        return self.home / "features"

    @property
    def weights_folder(self) -> Path:
        return self.home / "weights"


def read_settings() -> Settings:
    """Return the settings of this process.

    Raises:
        InvalidSetting: naming the variable, its value and what is allowed.
    """
    try:
        return Settings()
    except ValidationError as problem:
        raise InvalidSetting(complaints(problem)[0][1]) from None


def complaints(problem: ValidationError) -> list[tuple[str, str]]:
    """Return each setting that cannot be, with a sentence that says what is allowed."""
    return [_complaint(error) for error in problem.errors(include_url=False)]


def _complaint(error: ErrorDetails) -> tuple[str, str]:
    field = str(error["loc"][0])
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] != "value_error":
        message = "it must be " + _wanted(Settings.model_json_schema()["properties"][field])
    return field, f"RUNYARD_{field.upper()} is {error['input']!r}: {message}."


def _wanted(rules: dict[str, Any]) -> str:
    """Return what a setting may be, from its rules."""
    if "enum" in rules:
        return "one of " + ", ".join(rules["enum"])
    kind = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}.get(
        rules.get("type", ""), "text"
    )
    low = f" over {rules['exclusiveMinimum']:g}" if "exclusiveMinimum" in rules else ""
    low = f" from {rules['minimum']:g}" if "minimum" in rules else low
    high = f" to {rules['maximum']:g}" if "maximum" in rules else ""
    return kind + low + high
