"""The files of a checkpoint as they lie on this machine: where, how long, and their SHA-256.

Written by workers (`worker.engine.checkpoint`), read by nobody here: they are only handed on. It must not know HTTP or SQL.
"""

import hashlib
import re
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

Part = Literal["weights", "state"]
"""The network's weights; and what a resumed training needs beside them: optimizer and random states."""

SUFFIXES: dict[Part, str] = {"weights": ".safetensors", "state": ".pt"}

_NAME = re.compile(r"attempt-([0-9]{1,9})-epoch-[0-9]{1,9}(?:-step-[0-9]{1,18})?")


@dataclass(frozen=True)
class CheckpointFile:
    """A file that was there when it was looked for: the next checkpoint but one deletes it."""

    part: Part
    path: Path
    bytes: int
    changed_ns: int

    def sha256(self) -> str:
        """Return the SHA-256 of its content; read once, for a checkpoint is never written again.

        Raises:
            FileNotFoundError
        """
        return _sha256(self.path, self.bytes, self.changed_ns)


def attempt_of(name: str) -> int | None:
    """Return the attempt that made a checkpoint of this name; None where no checkpoint has such a name."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else None


def file_of(runs_folder: Path, run_id: int, name: str, part: Part) -> CheckpointFile | None:
    """Return one file of a run's checkpoint; None where there is none on this machine.

    Nothing but a file in the run's own folder is ever returned, whatever the name says and wherever a link leads.
    """
    if attempt_of(name) is None:
        return None
    folder = (runs_folder / str(run_id)).resolve()
    path = (folder / f"{name}{SUFFIXES[part]}").resolve()
    if not path.is_relative_to(runs_folder.resolve()) or path.parent != folder:
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    return (
        CheckpointFile(part, path, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None
    )


@lru_cache(maxsize=256)
def _sha256(path: Path, _bytes: int, _changed_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
