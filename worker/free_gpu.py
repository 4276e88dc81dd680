"""`python -m worker.free_gpu`: one worker on the first GPU here that no other has, or on the first few.

For containers that are copies of each other: each sees every GPU, and none can tell which copy it is. A GPU is taken
by a lock on a file in the home folder that they share; the kernel lets go of it with the worker, however that ends.
"""

import fcntl
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from backend.devices import CPU, devices_for
from backend.errors import RunyardError
from backend.settings import read_settings


class NoFreeGpu(RunyardError):
    """Why this worker does not start; for its log."""


def take(folder: Path, names: Sequence[str], number: int = 1) -> tuple[list[str], list[int]]:
    """Return the first GPUs that are free, `number` of them or what is left, and the open files that keep them taken.

    Raises:
        NoFreeGpu: there is none.
    """
    if not names:
        raise NoFreeGpu("No GPU is seen here: is NVIDIA's container toolkit installed on the host?")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    taken: dict[str, int] = {}
    # One after the other: two that take theirs at once would each get every other one.
    with (folder / "taking.lock").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        for name in names:
            if len(taken) < number and (file := _locked(folder / f"{name}.lock")) is not None:
                taken[name] = file
    if not taken:
        most = -(-len(names) // number)
        raise NoFreeGpu(f"All {len(names)} GPUs here have a worker already: start {most} workers at most.")
    return list(taken), list(taken.values())


def _locked(path: Path) -> int | None:
    """Return the open file that holds the lock; None where another process holds it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def become_worker(names: Sequence[str], files: Sequence[int]) -> NoReturn:
    """Go on as the worker of these GPUs; it inherits the locks, and passes them on to none of its own children."""
    for file in files:
        os.set_inheritable(file, True)
    name = ",".join(names)
    environment = {**os.environ, "RUNYARD_WORKER_DEVICE": name, "CUDA_VISIBLE_DEVICES": name}
    os.execve(sys.executable, [sys.executable, "-m", "worker"], environment)


def main() -> int:
    try:
        settings = read_settings()
        settings.make_home()
        names = [device.name for device in devices_for(os.environ) if device.name != CPU]
        become_worker(*take(settings.home / "gpus", names, settings.devices_per_worker))
    except RunyardError as refusal:
        print(refusal, file=sys.stderr)  # noqa: T201 -- there is no worker yet that could log it
        return 2


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
