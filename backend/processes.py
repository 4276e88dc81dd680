"""Processes that end when they should: tied to their parent's life, killed by group, waited for.

Standard library and psutil only: the service and the workers both use it. It must not know what they do.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable

import psutil

PR_SET_PDEATHSIG = 1
"""Source: linux/prctl.h."""


def die_with_parent(death_signal: int = signal.SIGTERM, parent_pid: int | None = None) -> None:
    """Ask the kernel to send this process `death_signal` once its parent is gone.

    Linux only, elsewhere nothing happens. The wish outlives exec, not fork. By parent the kernel means the
    *thread* that made this process: start children from one that lives as long as they should.
    With `parent_pid`, a parent that died before the wish was made counts as well.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl(PR_SET_PDEATHSIG): {os.strerror(number)}")
    if parent_pid is not None and os.getppid() != parent_pid:
        # It died between the fork and the wish; no signal will ever come.
        os.kill(os.getpid(), death_signal)


def kill_group(pgid: int, limit_seconds: float = 5.0) -> bool:
    """SIGKILL a process group and return whether all its members are gone; zombies count as gone.

    The signal is repeated, as a member may be forking while the first one is under way.
    """
    assert pgid > 1, "0 and 1 would mean ourselves or everyone"
    assert pgid != os.getpgrp(), "this would kill the caller"

    def gone() -> bool:
        if not group_members(pgid):
            return True
        try:
            os.killpg(pgid, signal.SIGKILL)
        except ProcessLookupError:
            return True
        except PermissionError:
            # macOS refuses to signal a group of zombies; the next look at the members decides.
            return False
        return False

    return wait_until(gone, limit_seconds)


def group_members(pgid: int) -> list[int]:
    """Return the ids of the living processes of a group, zombies left out."""
    return [pid for pid in psutil.pids() if _group_of(pid) == pgid and is_alive(pid)]


def is_alive(pid: int) -> bool:
    """Return whether a process still runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], object], limit_seconds: float, pause_seconds: float = 0.02) -> bool:
    """Return True as soon as `condition` holds, False where it still does not after `limit_seconds`."""
    deadline = time.monotonic() + limit_seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause_seconds)
    return True


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except (ProcessLookupError, PermissionError):
        return None
