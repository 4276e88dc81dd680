"""`python -m worker.free_gpu`: one worker on the first GPU here that no other has.

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


def take(folder: Path, names: Sequence[str]) -> tuple[str, int]:
    """Return the first GPU that is free, and the open file that keeps it taken.

    Raises:
        NoFreeGpu: there is none.
    """
    if not names:
        raise NoFreeGpu("No GPU is seen here: is NVIDIA's container toolkit installed on the host?")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in names:
        file = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
        else:
            return name, file
    raise NoFreeGpu(f"All {len(names)} GPUs here have a worker already: start {len(names)} workers at most.")


def become_worker(name: str, file: int) -> NoReturn:
    """Go on as the worker of a GPU; it inherits the lock, and passes it on to none of its own children."""
    os.set_inheritable(file, True)
    environment = {**os.environ, "RUNYARD_WORKER_DEVICE": name, "CUDA_VISIBLE_DEVICES": name}
    os.execve(sys.executable, [sys.executable, "-m", "worker"], environment)


def main() -> int:
    try:
        settings = read_settings()
        settings.make_home()
        names = [device.name for device in devices_for(os.environ) if device.name != CPU]
        become_worker(*take(settings.home / "gpus", names))
    except RunyardError as refusal:
        print(refusal, file=sys.stderr)  # noqa: T201 -- there is no worker yet that could log it
        return 2


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
