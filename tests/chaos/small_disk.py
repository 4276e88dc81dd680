"""A small disk of a test's own, in memory, which it may fill and make read-only. Only root may mount one."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import unavailable

_BLOCK = b"\0" * 4096


class SmallDisk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Take all the room there is, to the last block; call it again for what has become free since."""
        with self._filler.open("ab", buffering=0) as file:
            while True:
                try:
                    file.write(_BLOCK * 64)
                except OSError:
                    break
            while True:
                try:
                    file.write(_BLOCK)
                except OSError:
                    return

    def make_room(self) -> None:
        self._filler.unlink()

    def make_read_only(self) -> None:
        """Let nobody write to it any more; nobody may have a file of it open for writing."""
        _run("mount", "-o", "remount,ro", str(self.folder))


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a disk of this size at `folder`, which is made; skip where that cannot be."""
    folder.mkdir()
    if os.geteuid() != 0:
        unavailable("tmpfs", "only root can mount a small disk")
    problem = _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "none", str(folder))
    if problem:
        unavailable("tmpfs", f"a small disk cannot be mounted here ({problem})")
    try:
        yield SmallDisk(folder)
    finally:
        # Lazily: what still ends with the test must not keep it there.
        _run("umount", "--lazy", str(folder))


def _run(*command: str) -> str:
    """Run a command; return what it said where it failed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as problem:
        return str(problem)
    return (done.stderr.strip() or f"status {done.returncode}") if done.returncode else ""
