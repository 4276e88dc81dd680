"""The files of a folder or an archive, one after the other, each read once and never extracted.

An archive is somebody else's text: names that lead out of it, links and devices refuse the whole of it.
This module knows no images.
"""

import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from backend.errors import DataProblem
from backend.text import is_clean

MAX_FILE_BYTES = 64 * 1024 * 1024
"""No image of a class folder is larger; what claims to be is a bomb or a mistake."""

_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    # Malformed headers, as tarfile and zipfile pass them on.
    ValueError,
    OverflowError,
    struct.error,
)

Named = tuple[PurePosixPath, bytes]


def read_files(path: Path) -> Iterator[Named]:
    """Yield the path within, and the bytes, of each file of a folder, a tar (plain, gz, bz2, xz) or a zip.

    Raises:
        DataProblem: it is none of these, it is broken, or it holds what an archive of images must not.
    """
    if path.is_dir():
        yield from _folder_files(path)
    elif not path.is_file():
        raise DataProblem(f"There is no file or folder {path}.")
    elif zipfile.is_zipfile(path):
        yield from _guarded(path, _zip_files(path))
    else:
        yield from _guarded(path, _tar_files(path))


def _guarded(path: Path, files: Iterator[Named]) -> Iterator[Named]:
    count = 0
    try:
        for named in files:
            yield named
            count += 1
    except _BROKEN as problem:
        if count == 0:
            raise DataProblem(f"{path.name} is no folder, tar (plain, gz, bz2, xz) or zip archive.") from None
        raise DataProblem(f"{path.name} is broken after {count:,} files: {problem}.") from None


def _folder_files(folder: Path) -> Iterator[Named]:
    for path in sorted(folder.rglob("*")):
        name = _clean(PurePosixPath(path.relative_to(folder).as_posix()))
        if path.is_symlink():
            raise DataProblem(f"{name} is a link; the folder must hold the images themselves.")
        if path.is_dir():
            continue
        if not path.is_file():
            raise DataProblem(f"{name} is a device; the folder must hold images only.")
        with path.open("rb") as file:
            yield name, _limited(file, name)


def _tar_files(path: Path) -> Iterator[Named]:
    # A stream: an xz archive is decompressed once, from front to back.
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            name = _inside(member.name)
            if member.issym() or member.islnk():
                raise DataProblem(
                    f"{name} in {path.name} is a link; the archive must hold the images themselves."
                )
            if member.isdir():
                continue
            if not member.isfile():
                raise DataProblem(f"{name} in {path.name} is a device; the archive must hold images only.")
            file = archive.extractfile(member)
            assert file is not None
            yield name, _limited(file, name)


def _zip_files(path: Path) -> Iterator[Named]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = _inside(member.filename)
            mode = member.external_attr >> 16
            if stat.S_ISLNK(mode):
                raise DataProblem(
                    f"{name} in {path.name} is a link; the archive must hold the images themselves."
                )
            if member.is_dir():
                continue
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                raise DataProblem(f"{name} in {path.name} is a device; the archive must hold images only.")
            if member.flag_bits & 1:
                raise DataProblem(f"{name} in {path.name} is encrypted; the archive must need no password.")
            with archive.open(member) as file:
                yield name, _limited(file, name)


def _inside(name: str) -> PurePosixPath:
    slashed = name.replace("\\", "/")
    path = PurePosixPath(slashed)
    if path.is_absolute() or re.match(r"[A-Za-z]:", slashed) or ".." in path.parts:
        raise DataProblem(
            f"The archive names {name!r}, which leads out of it; paths must be relative, without '..'."
        )
    return _clean(path)


def _clean(path: PurePosixPath) -> PurePosixPath:
    """Return a path whose names can be stored and shown: folders become the names of classes."""
    if not is_clean(str(path)):
        raise DataProblem(
            f"The name {str(path)!r} holds a control character or is no UTF-8; rename it with visible characters."
        )
    return path


def _limited(file: IO[bytes], name: PurePosixPath) -> bytes:
    content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise DataProblem(f"{name} is over {MAX_FILE_BYTES // 1024**2} MiB; no image may be larger.")
    return content
