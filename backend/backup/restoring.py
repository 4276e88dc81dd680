"""Bringing a backup back: checked whole before anything is touched; what was there is renamed and never deleted.

The database comes last, where it is a file: a restore that was interrupted leaves none, and the same command with --force
does it again.
"""

import sqlite3
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from backend.backup import manifest
from backend.backup.databases import InFile, OnServer, in_place
from backend.backup.files import copied, seen, staged, sync, sync_folders
from backend.backup.manifest import DATABASE_FILES, BackedUpFile, BackupProblem, Manifest, place
from backend.home_lock import holding_home
from backend.settings import Settings
from backend.store.session import STORE_AWAY


@dataclass(frozen=True)
class Restored:
    """`requeued` counts runs that were in training then; `set_aside` names where what was there before is now."""

    manifest: Manifest
    requeued: int
    set_aside: list[str]


def restore(settings: Settings, source: Path, *, force: bool = False) -> Restored:
    """Bring the backup in the folder `source` to the home and the database of these settings.

    Raises:
        HomeInUse: Runyard runs on this home.
        BackupProblem: one sentence; what was there is there as before.
    """
    source = source.expanduser().absolute()
    made = manifest.read(source)
    settings.make_home()
    with holding_home(settings.home):
        try:
            return _restored(settings, made, source, force=force)
        except STORE_AWAY as problem:
            reason = str(getattr(problem, "orig", problem)).strip().splitlines()[0]
            raise BackupProblem(f"The database does not answer: {reason}.") from None
        except (OSError, sqlite3.Error) as problem:
            raise BackupProblem(f"{settings.home} could not be written: {problem}.") from None


def _restored(settings: Settings, made: Manifest, source: Path, *, force: bool) -> Restored:
    home, aside = settings.home, f"set_aside_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    with ExitStack() as stack:
        database = stack.enter_context(in_place(settings.resolved_database_url, aside))
        _refuse_another_kind(made, database)
        there = [one for one in (database.what_is_there(), _used_folder(home / "runs")) if one]
        if there and not force:
            raise BackupProblem(
                f"{' and '.join(there)} {'is' if len(there) == 1 else 'are'} there already; "
                "--force sets aside what is there: it is renamed, and nothing is deleted."
            )
        database.refuse_if_in_use()
        files = stack.enter_context(staged(home))
        copy = stack.enter_context(staged(database.folder or home)) / DATABASE_FILES[made.kind]
        _checked(made.database, source, copy)
        fresh = [one for one in made.at_home() if not _is_there(one, home)]
        for one in fresh:
            _checked(one, source, place(files, one.path))
        sync_folders(files)
        told = (
            f"The attempt was under way when the backup of {made.told_time()} was made, which was restored."
        )
        requeued = database.prepare(copy, made.made_at, told)
        moved = _put_files(fresh, files, home, home / aside)
        return Restored(made, requeued, [*moved, *database.put(copy)])


def _refuse_another_kind(made: Manifest, database: InFile | OnServer) -> None:
    if made.kind != database.kind:
        raise BackupProblem(
            f"The backup is of a database of the kind {made.kind}, and RUNYARD_DATABASE_URL names one of the kind "
            f"{database.kind}: they must be the same."
        )


def _used_folder(folder: Path) -> str | None:
    return str(folder) if folder.is_dir() and any(folder.iterdir()) else None


def _is_there(one: BackedUpFile, home: Path) -> bool:
    """Say whether the home has this very file. Of runs nothing is kept: their numbers may mean others there."""
    there = place(home, one.path)
    if one.path.startswith("runs/") or not there.is_file() or there.stat().st_size != one.bytes:
        return False
    return seen(there, one.path) == one


def _checked(one: BackedUpFile, source: Path, target: Path) -> None:
    """Copy a file of the backup, and refuse it where it is not what the manifest says."""
    path = place(source, one.path)
    try:
        with path.open("rb") as file:
            found = copied(file, target, one.path)
    except FileNotFoundError:
        raise BackupProblem(f"The backup is not whole: {path} is missing. Nothing was changed.") from None
    if found != one:
        raise BackupProblem(
            f"The backup is damaged: {path} has {found.bytes:,} bytes with the SHA-256 {found.sha256[:12]}…, "
            f"and the manifest says {one.bytes:,} with {one.sha256[:12]}…. Nothing was changed."
        )


def _put_files(fresh: list[BackedUpFile], files: Path, home: Path, aside: Path) -> list[str]:
    """Move the files from beside their places into them; return where the ones before are now, if there were any."""
    moved = _move_aside(home / "runs", aside / "runs") if _used_folder(home / "runs") else False
    for one in fresh:
        target = place(home, one.path)
        if target.exists():
            moved = _move_aside(target, place(aside, one.path))
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place(files, one.path).rename(target)
    for name in manifest.FOLDERS:
        if (home / name).is_dir():
            sync_folders(home / name)
    sync(home)
    return [str(aside)] if moved else []


def _move_aside(path: Path, target: Path) -> bool:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.rename(target)
    return True
