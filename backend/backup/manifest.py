"""The manifest: what is in a backup, with the SHA-256 of each file; read again, and held against the files, before a restore."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from backend.errors import RunyardError

NAME = "manifest.json"
FORMAT = 1
DATABASE_FILES = {"sqlite": "runyard.db", "postgresql": "runyard.dump"}
FOLDERS = ("runs", "data", "weights")
"""Those of the home folder that a backup may hold parts of."""

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,254}")


class BackupProblem(RunyardError):
    """Why there is no backup, or nothing was restored; for the terminal, never over HTTP."""


def may_name(path: str) -> bool:
    """Return whether a manifest may name a file of the home folder like this."""
    parts = path.split("/")
    return len(parts) > 1 and parts[0] in FOLDERS and all(_PART.fullmatch(part) for part in parts)


class BackedUpFile(BaseModel):
    """`path` is from the backup's folder, with / between its parts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        if path not in DATABASE_FILES.values() and not may_name(path):
            raise ValueError("no file of a backup")
        return path


class Manifest(BaseModel):
    """`made_at` is by the database's clock, in seconds since 1970."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = FORMAT
    version: str
    made_at: float
    kind: Literal["sqlite", "postgresql"]
    store_id: str
    revision: str
    runs: dict[str, int]
    files: list[BackedUpFile]
    left_out: list[str]
    """Sentences: what belongs to the store and is not here, and what becomes of it."""

    @property
    def database(self) -> BackedUpFile:
        (found,) = [one for one in self.files if one.path == DATABASE_FILES[self.kind]]
        return found

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.files)

    def at_home(self) -> Iterable[BackedUpFile]:
        """Yield the files that belong into the home folder: all but the database."""
        return (one for one in self.files if one.path != DATABASE_FILES[self.kind])

    def told_files(self) -> str:
        """Return "8 checkpoints, 1 data set and 0 files of weights"."""
        checkpoints = sum(one.path.startswith("runs/") for one in self.files) // 2
        sets = len({one.path.split("/")[1] for one in self.files if one.path.startswith("data/")})
        weights = sum(one.path.startswith("weights/") for one in self.files)
        return (
            f"{_counted(checkpoints, 'checkpoint')}, {_counted(sets, 'data set')} "
            f"and {_counted(weights, 'file')} of weights"
        )

    def told_runs(self) -> str:
        """Return "12 runs (9 completed, 3 queued)"."""
        there = {state: count for state, count in self.runs.items() if count}
        states = ", ".join(f"{count} {state}" for state, count in there.items())
        return _counted(sum(there.values()), "run") + (f" ({states})" if states else "")

    def told_time(self) -> str:
        return datetime.fromtimestamp(self.made_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def read(folder: Path) -> Manifest:
    """Read the manifest of a backup.

    Raises:
        BackupProblem: there is none, or it is damaged.
    """
    path = folder / NAME
    try:
        made = Manifest.model_validate_json(path.read_bytes())
    except OSError as problem:
        raise BackupProblem(
            f"{folder} is no backup: its {NAME} cannot be read ({problem.strerror})."
        ) from None
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise BackupProblem(f"{path} is damaged, or of another version: {where}: {first['msg']}.") from None
    databases = [one for one in made.files if one.path == DATABASE_FILES[made.kind]]
    if len(databases) != 1 or len({one.path for one in made.files}) != len(made.files):
        raise BackupProblem(f"{path} is damaged: it must name one database, and each file once.")
    return made


def place(folder: Path, path: str) -> Path:
    """Return where a file of a manifest lies below a folder."""
    return folder.joinpath(*PurePosixPath(path).parts)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
