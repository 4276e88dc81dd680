"""Features as they lie on a worker's disk: made once, found by every run that asks for the same ones.

An entry is a folder `<first 16 digits of its key>` that is made beside its place under an exclusive lock, synced
and renamed, so that nothing half-written is ever found. Who reads an entry holds a shared lock on it, and it is
not evicted meanwhile. The kernel takes locks from processes that die. This module knows no network and no torch.
"""

import errno
import fcntl
import hashlib
import json
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from backend.durable import sync

ARRAYS = ("train", "test", "mean", "deviation")
_META = "meta.json"
_MAKING = ".making-"
_WANTED = "wanted"
"""File in the folder of an entry in the making: the bytes that it will have."""

SHARE_OF_FREE_DISK = 0.9
_WAIT_SECONDS = (0.1, 0.2)


class NoRoom(Exception):
    """The features cannot be kept; the message says why, as the end of a sentence."""


class Lock:
    """A lock on a file that is never deleted: whoever waits for it would hold the lock of a file that is gone."""

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = path.open("ab")

    def shared(self) -> bool:
        """Take it together with others; return False if one holds it alone."""
        return self._try(fcntl.LOCK_SH)

    def alone(self) -> bool:
        """Take it alone; return False if anyone else holds it."""
        return self._try(fcntl.LOCK_EX)

    def wait_alone(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def close(self) -> None:
        """Let go of it."""
        self._file.close()

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self._file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@dataclass(frozen=True)
class Entry:
    """Features of one key: memory-mapped vectors, N x dimension, and the mean and deviation of each over the training ones.

    In use, and safe from eviction, until it is closed.
    """

    key: str
    train: np.ndarray
    test: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    facts: dict[str, Any]
    """What its maker told of it."""
    made: bool
    """Whether it was made for this one, or found."""
    _lock: Lock

    @property
    def bytes(self) -> int:
        return self.train.nbytes + self.test.nbytes

    def close(self) -> None:
        self._lock.close()


def key_of(ingredients: dict[str, Any]) -> str:
    """Return the name of what was made of `ingredients`: 16 digits of the SHA-256 of their canonical JSON."""
    canonical = json.dumps(ingredients, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


class FeatureCache:
    """The entries in one folder, which together take `quota_bytes` at most."""

    def __init__(self, folder: Path, quota_bytes: int) -> None:
        self._folder = folder
        self._quota_bytes = quota_bytes

    def obtain(
        self,
        key: str,
        *,
        wanted_bytes: Callable[[], int],
        make: Callable[[Path], dict[str, Any]],
        wait: Callable[[], None],
    ) -> Entry:
        """Return the entry of `key`, made by `make` where there is none; of several processes one makes it.

        `wanted_bytes` and `make` are called under the lock, if at all: `make` writes the four arrays into the
        folder and returns the facts. `wait` is called again and again while another process makes it; what
        these raise goes on to the caller, and leaves nothing behind.

        Raises:
            NoRoom: it is over the quota, or over what the disk has left beside what is in use.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = Lock(self._folder / f"{key}.lock")
        made = False
        try:
            while True:
                # Looked for before it is locked: makers that tried a shared lock first would keep each other away.
                if self._path(key).is_dir() and lock.shared() and (entry := self._open(key, lock, made)):
                    os.utime(self._path(key) / _META)  # used last now: evicted last
                    return entry
                if lock.alone():
                    made = self._make(key, lock, wanted_bytes, make) or made
                else:
                    wait()
                    time.sleep(random.uniform(*_WAIT_SECONDS))
        except BaseException:
            lock.close()
            raise

    def _path(self, key: str) -> Path:
        return self._folder / key

    def _open(self, key: str, lock: Lock, made: bool) -> Entry | None:
        folder = self._path(key)
        try:
            facts = json.loads((folder / _META).read_text("utf-8"))
            # Copy-on-write, never written to: torch warns about arrays that it could not write.
            train, test, mean, deviation = (np.load(folder / f"{name}.npy", mmap_mode="c") for name in ARRAYS)
        except (OSError, ValueError):  # evicted halfway, or truncated: as if it were not there
            return None
        return Entry(key, train, test, mean, deviation, facts, made, lock)

    def _make(
        self, key: str, lock: Lock, wanted_bytes: Callable[[], int], make: Callable[[Path], dict[str, Any]]
    ) -> bool:
        """Make the entry, under its lock; return False where another process did so just before."""
        if self._open(key, lock, made=False):
            return False
        making = self._folder / f"{_MAKING}{key}"
        try:
            self._reserve(key, making, wanted_bytes())
            facts = make(making)
            (making / _META).write_text(json.dumps(facts, indent=1), "utf-8")
            for path in making.iterdir():
                sync(path)
            with self._room():
                (making / _WANTED).unlink()
                making.rename(self._path(key))
            sync(self._folder)
        except OSError as problem:
            if problem.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise NoRoom("the disk became full while they were made") from None
        finally:
            if making.exists():
                with self._room():
                    shutil.rmtree(making)
        return True

    @contextmanager
    def _room(self) -> Iterator[None]:
        """Let no other process add, remove or count: two makers must not rely on the same room."""
        lock = Lock(self._folder / "room.lock")
        try:
            lock.wait_alone()
            yield
        finally:
            lock.close()

    def _reserve(self, key: str, making: Path, wanted_bytes: int) -> None:
        """Make the folder, with room for what it will hold: of what nobody uses, what was used longest ago goes first."""
        with self._room(), ExitStack() as held:
            shutil.rmtree(self._path(key), ignore_errors=True)  # a broken one
            shutil.rmtree(making, ignore_errors=True)
            self._remove_what_killed_makers_left(held)
            evictable = self._evictable(held)
            lacking = self._lacking_bytes(wanted_bytes)
            if lacking > sum(size for _, size in evictable):
                raise NoRoom(self._why(wanted_bytes))
            for path, size in evictable:
                if lacking <= 0:
                    break
                shutil.rmtree(path)
                lacking -= size
            making.mkdir()
            (making / _WANTED).write_text(str(wanted_bytes))

    def _lacking_bytes(self, wanted_bytes: int) -> int:
        """Return how much must go before `wanted_bytes` come: of the quota or of the disk, whichever lacks more."""
        used = sum(_size(path) for path in self._entries())
        coming = {path: _wanted(path) for path in self._folder.glob(f"{_MAKING}*")}
        not_yet_written = sum(max(0, wanted - _size(path)) for path, wanted in coming.items())
        free = int(shutil.disk_usage(self._folder).free * SHARE_OF_FREE_DISK) - not_yet_written
        return max(used + sum(coming.values()) + wanted_bytes - self._quota_bytes, wanted_bytes - free)

    def _why(self, wanted_bytes: int) -> str:
        if wanted_bytes > self._quota_bytes:
            return f"{as_size(wanted_bytes)} is too large for the quota of {as_size(self._quota_bytes)}"
        free = as_size(shutil.disk_usage(self._folder).free)
        return (
            f"{as_size(wanted_bytes)} is too large for what is left of the quota of {as_size(self._quota_bytes)} "
            f"beside the features in use, or of the disk ({free} are free)"
        )

    def _entries(self) -> list[Path]:
        return [path for path in self._folder.iterdir() if path.is_dir() and not path.name.startswith(".")]

    def _evictable(self, held: ExitStack) -> list[tuple[Path, int]]:
        """Return the entries that nobody uses, the one used longest ago first, locked until `held` closes."""
        return [
            (path, _size(path))
            for path in sorted(self._entries(), key=_used_at)
            if self._locked(path.name, held)
        ]

    def _remove_what_killed_makers_left(self, held: ExitStack) -> None:
        for path in self._folder.glob(f"{_MAKING}*"):
            if self._locked(path.name.removeprefix(_MAKING), held):  # the kernel took it from its maker
                shutil.rmtree(path)

    def _locked(self, key: str, held: ExitStack) -> bool:
        lock = Lock(self._folder / f"{key}.lock")
        held.callback(lock.close)
        return lock.alone()


def as_size(count: int) -> str:
    """Return a number of bytes for people: "250 MB", "20.1 GB"."""
    if count < 10**6:
        return f"{count / 10**3:.0f} kB"
    return f"{count / 10**6:.0f} MB" if count < 10**9 else f"{count / 10**9:.1f} GB"


def _used_at(entry: Path) -> float:
    with suppress(OSError):
        return (entry / _META).stat().st_mtime
    return 0.0  # evicted halfway: it goes first


def _wanted(making: Path) -> int:
    with suppress(FileNotFoundError, ValueError):
        return int((making / _WANTED).read_text())
    return _size(making)  # its maker was killed before it could say, or after: no more comes


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
