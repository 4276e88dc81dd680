"""Bringing a backup back: checked whole before anything is touched; what was there is renamed and never deleted.

What fails is undone. What is killed is not: it leaves a mark in the home, with which neither `runyard up` nor a restore without
--force goes on; services that are started one by one do not look for it. A database that is a file goes aside first and
comes last, so that none ever stands beside files that are not its own.
"""

import sqlite3
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from backend.backup import manifest
from backend.backup.databases import InFile, OnServer, in_place
from backend.backup.files import copied, seen, staged, sync_folders
from backend.backup.manifest import DATABASE_FILES, BackedUpFile, BackupProblem, Manifest, place
from backend.backup.moves import ELSEWHERE, Mark, Moves, refuse_another_disk
from backend.durable import sync
from backend.home_lock import holding_home
from backend.settings import Settings
from backend.store import backups


@dataclass(frozen=True)
class Restored:
    """`requeued` counts runs that were in training then; `set_aside` names where what was there before is now.

    `tokens` are the names of those that are not valid any more.
    """

    manifest: Manifest
    requeued: int
    tokens: list[str]
    set_aside: list[str]


def restore(settings: Settings, source: Path, *, force: bool = False) -> Restored:
    """Bring the backup in the folder `source` to the home and the database of these settings.

    Raises:
        HomeInUse: Runyard runs on this home.
        BackupProblem: one sentence; what was there is there as before, unless the sentence says where it is instead.
    """
    source = source.expanduser().absolute()
    made = manifest.read(source)
    settings.make_home()
    with holding_home(settings.home, to_restore=True):
        try:
            return _restored(settings, made, source, force=force)
        except SQLAlchemyError as problem:
            raise BackupProblem(
                f"The database could not be restored: {backups.reason_of(problem)}."
            ) from None
        except (OSError, sqlite3.Error) as problem:
            raise BackupProblem(f"{settings.home} could not be written: {problem}.") from None


def _restored(settings: Settings, made: Manifest, source: Path, *, force: bool) -> Restored:
    home, aside = settings.home, f"set_aside_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    with ExitStack() as stack:
        database = stack.enter_context(in_place(settings.resolved_database_url, aside))
        _refuse_another_kind(made, database)
        mark = Mark(home)
        half = "Half of a restore that was cut off" if mark.earlier else None
        there = [one for one in (half, database.what_is_there(), _used_folder(home / "runs")) if one]
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
        _refuse_what_cannot_be_moved(fresh, files, home)
        earlier = [where for one in mark.earlier for where in _kept_as(one, home, database)]
        moves = Moves()
        mark.set(aside)
        try:
            begun = database.prepare(copy, made.made_at, told)
            database.set_aside(moves)
            moved = _put_files(fresh, files, home, home / aside, moves)
            moved += database.put(copy, moves)
        except BaseException as problem:
            _undo(moves, database, home / aside, problem)
            mark.take_back()
            raise
        mark.remove()
        return Restored(made, begun.requeued, begun.tokens, list(dict.fromkeys([*earlier, *moved])))


def _undo(moves: Moves, database: InFile | OnServer, aside: Path, problem: BaseException) -> None:
    """Put everything back.

    Raises:
        BackupProblem: that could not be done; it says where everything is.
    """
    try:
        moves.undo()
    except OSError as further:
        raise BackupProblem(
            f"The restore failed ({problem}), and what it had moved could not be put back ({further}): what was there before "
            f"is in {aside.name}, a folder or a schema. Nothing starts here until `runyard restore FOLDER --force` "
            "went well."
        ) from None
    database.put_back()


def _kept_as(aside: str, home: Path, database: InFile | OnServer) -> list[str]:
    """Return where a restore that was cut off set aside what was there before it."""
    return [*([str(home / aside)] if (home / aside).is_dir() else []), *database.kept_as(aside)]


def _refuse_what_cannot_be_moved(fresh: list[BackedUpFile], files: Path, home: Path) -> None:
    runs = home / "runs"
    replaced = _used_folder(runs) is not None
    if replaced and (runs.is_symlink() or runs.is_mount()):
        raise BackupProblem(f"{runs} is a link or a disk of its own, and cannot be set aside. {ELSEWHERE}")
    into = [one.path for one in fresh if not (replaced and one.path.startswith("runs/"))]
    refuse_another_disk(files, [place(home, path).parent for path in into])


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


def _put_files(fresh: list[BackedUpFile], files: Path, home: Path, aside: Path, moves: Moves) -> list[str]:
    """Move the files from beside their places into them; return where the ones before are now, if there were any."""
    moved = _used_folder(home / "runs") is not None
    if moved:
        moves.move(home / "runs", aside / "runs")
    for one in fresh:
        target = place(home, one.path)
        if target.exists():
            moves.move(target, place(aside, one.path))
            moved = True
        moves.move(place(files, one.path), target)
    for name in manifest.FOLDERS:
        if (home / name).is_dir():
            sync_folders(home / name)
    sync(home)
    return [str(aside)] if moved else []
