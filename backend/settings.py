"""The settings: read from the environment once, at the composition root, and passed down.

Every name in the environment begins with RUNYARD_ (RUNYARD_HOME, RUNYARD_DATABASE_URL, ...).
A value that cannot work is refused at start with one sentence.
"""

from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from backend.errors import InvalidSetting

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="RUNYARD_", frozen=True, extra="ignore")

    home: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("runyard")),
        description="Folder of the embedded database, the broker, data sets and checkpoints.",
    )
    database_url: str = Field(default="", description="SQLAlchemy URL; empty: SQLite in the home folder.")
    broker_url: str = Field(
        default="embedded",
        description="embedded (a broker of our own in the home folder), filesystem, or redis://...",
    )
    host: str = "127.0.0.1"
    port: int = Field(default=8420, ge=0, le=65535)
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
        default=30.0, ge=0, le=86400, description="Least time between two checkpoints of a run."
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
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("host")
    @classmethod
    def _loopback_only(cls, host: str) -> str:
        if host not in LOOPBACK:
            raise ValueError(
                f"'{host}' is reachable from other machines, and this version has no login yet: "
                f"use one of {', '.join(LOOPBACK)}"
            )
        return host

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'runyard.db'}"

    @property
    def data_folder(self) -> Path:
        return self.home / "data"

    @property
    def runs_folder(self) -> Path:
        return self.home / "runs"


def read_settings() -> Settings:
    """Return the settings of this process.

    Raises:
        InvalidSetting: naming the variable, its value and what is allowed.
    """
    try:
        return Settings()
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        name = "RUNYARD_" + "_".join(str(part) for part in first["loc"]).upper()
        message = first["msg"].removeprefix("Value error, ")
        raise InvalidSetting(f"{name} is {first['input']!r}: {message}.") from None
