"""The lock of the home folder: who holds it has the home to itself, as `runyard up` and `runyard restore` must."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.errors import RunyardError


class HomeInUse(RunyardError):
    """Runyard runs on this home already; for the terminal, never over HTTP."""


@contextmanager
def holding_home(home: Path) -> Iterator[None]:
    """Hold the home's lock; the kernel lets go of it with this process, however it ends.

    Raises:
        HomeInUse: if another process holds it.
    """
    with (home / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise HomeInUse(
                f"Runyard is already running on {home} (process {file.read().strip() or 'unknown'}); "
                f"stop that one or set RUNYARD_HOME."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
