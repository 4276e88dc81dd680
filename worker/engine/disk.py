"""What must be on the disk before anything points to it; and disks that have no room for it."""

import errno
import os
from pathlib import Path

from backend.errors import RunyardError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class NoRoom(RunyardError):
    """A disk, or what this user may take of it, is full."""


def sync(path: Path) -> None:
    """Return once a file, or the names in a folder, would survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_out_of_room(problem: BaseException | None) -> bool:
    """Say whether an exception comes of a full disk, whatever a library has made of it."""
    while problem is not None:
        if isinstance(problem, OSError) and problem.errno in _NO_ROOM:
            return True
        # safetensors, which is not written in Python, hands on the text alone.
        if any(f"(os error {number})" in str(problem) for number in _NO_ROOM):
            return True
        problem = problem.__cause__ or problem.__context__
    return False
