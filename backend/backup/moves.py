"""Renames that are undone together where one of them, or what follows, fails; and the mark of a restore that was cut off."""

import contextlib
import errno
import tempfile
from collections.abc import Iterable
from pathlib import Path

from backend.backup.manifest import BackupProblem
from backend.durable import sync
from backend.home_lock import UNFINISHED

ELSEWHERE = (
    "Nothing was changed; put a folder of the home in its place, or restore into another home (RUNYARD_HOME)."
)


class Moves:
    """What was renamed, and the folders that were made for it, in the order in which that was done."""

    def __init__(self) -> None:
        self._renamed: list[tuple[Path, Path]] = []
        self._made: list[Path] = []

    def move(self, path: Path, target: Path) -> None:
        self._make(target.parent)
        path.rename(target)
        self._renamed.append((path, target))

    def undo(self) -> None:
        """Rename everything back.

        Raises:
            OSError: a rename failed; those before it are not undone either.
        """
        # The folders go as they empty: those that were set aside are to come back under the same names.
        while self._renamed:
            path, target = self._renamed[-1]
            self._remove_empty(path)
            target.rename(path)
            self._renamed.pop()
        self._remove_empty(None)

    def _make(self, folder: Path) -> None:
        for one in [folder, *folder.parents][::-1]:
            if not one.exists():
                one.mkdir(mode=0o700)
                self._made.append(one)

    def _remove_empty(self, place: Path | None) -> None:
        """Remove the folders made at and below `place`; all of them where it is None."""
        for one in reversed(self._made):
            if place is None or one.is_relative_to(place):
                with contextlib.suppress(OSError):
                    one.rmdir()


class Mark:
    """The file that says that a home is being changed. `earlier` are the names of restores that were cut off before."""

    def __init__(self, home: Path) -> None:
        self._file = home / UNFINISHED
        self.earlier = self._file.read_text().split() if self._file.exists() else []

    def set(self, aside: str) -> None:
        self._write([*self.earlier, aside])

    def take_back(self) -> None:
        """Leave the home marked as it was before."""
        if self.earlier:
            self._write(self.earlier)
        else:
            self.remove()

    def remove(self) -> None:
        self._file.unlink(missing_ok=True)
        sync(self._file.parent)

    def _write(self, names: list[str]) -> None:
        # Renamed into its place: one that is cut off while it is written would name nothing.
        written = self._file.with_name(f".{self._file.name}")
        written.write_text("\n".join(names) + "\n")
        sync(written)
        written.replace(self._file)
        sync(self._file.parent)


def refuse_another_disk(staging: Path, targets: Iterable[Path]) -> None:
    """Try, with an empty folder, whether renames go from `staging` to the folders that are there, or will be.

    Raises:
        BackupProblem: one is on another disk.
    """
    for folder in sorted({_nearest(target) for target in targets}):
        probe = Path(tempfile.mkdtemp(prefix=".backup-", dir=staging))
        try:
            probe.rename(folder / probe.name).rmdir()
        except OSError as problem:
            if problem.errno != errno.EXDEV:
                raise
            raise BackupProblem(f"{folder} is on another disk than {staging.parent}. {ELSEWHERE}") from None


def _nearest(folder: Path) -> Path:
    """Return the folder, or the lowest above it that is there."""
    return next(one for one in (folder, *folder.parents) if one.exists())
