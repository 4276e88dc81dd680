"""Copying files so that they are known afterwards: on the disk, with their SHA-256; and folders that appear whole or not at all."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from backend.backup.manifest import BackedUpFile
from backend.durable import sync

_BLOCK_BYTES = 1 << 20


def copied(source: BinaryIO, target: Path, path: str, *further: Any) -> BackedUpFile:
    """Copy what is left of an open file to `target`, where there is none yet; return it as `path`.

    `further` are digests that are to see its content as well.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as file:
        while block := source.read(_BLOCK_BYTES):
            file.write(block)
            size += len(block)
            for one in (digest, *further):
                one.update(block)
        file.flush()
        os.fsync(file.fileno())
    return BackedUpFile(path=path, bytes=size, sha256=digest.hexdigest())


def seen(file: Path, path: str) -> BackedUpFile:
    """Return a file that is there as a backup knows it."""
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return BackedUpFile(path=path, bytes=file.stat().st_size, sha256=digest)


def sync_folders(folder: Path) -> None:
    """Return once all names in and below a folder would survive a power cut."""
    for one in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sync(one)


@contextmanager
def staged(beside: Path) -> Iterator[Path]:
    """Lend a folder of our own in `beside`; what is still in it afterwards is removed."""
    beside.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".backup-", dir=beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
