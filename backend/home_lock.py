"""The lock of the home folder: who holds it has the home to itself, as `runyard up` and `runyard restore` must.

A restore that was cut off leaves a mark, with which the home is lent to nobody but the next restore.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.errors import RunyardError

UNFINISHED = "restore.unfinished"
"""In the home while a restore changes it: the names under which that one, and any cut off before it, set aside what was there."""


class HomeInUse(RunyardError):
    """Runyard runs on this home already; for the terminal, never over HTTP."""


class RestoreCutOff(HomeInUse):
    """A restore did not come to its end here: what is there now is neither what was nor what was to be."""


@contextmanager
def holding_home(home: Path, *, to_restore: bool = False) -> Iterator[None]:
    """Hold the home's lock; the kernel lets go of it with this process, however it ends.

    Raises:
        HomeInUse: if another process holds it.
        RestoreCutOff: if a restore was cut off here, and this is not to be another.
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
        if not to_restore:
            _refuse_half_a_restore(home / UNFINISHED)
        yield


def _refuse_half_a_restore(mark: Path) -> None:
    if mark.exists():
        raise RestoreCutOff(
            f"A restore was cut off in {mark.parent}: what was there before is in {' and '.join(mark.read_text().split())} "
            "(folders, or schemas of the database); run `runyard restore FOLDER --force` again, or put it back and delete "
            f"{mark}."
        )
