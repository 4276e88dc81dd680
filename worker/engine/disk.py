"""Disks that have no room."""

import errno

from backend.errors import RunyardError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class NoRoom(RunyardError):
    """A disk, or what this user may take of it, is full."""


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
