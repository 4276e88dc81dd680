"""The database: that it answers, is of this version, can be written and is sound, and lies where it may."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from backend.doctor.finding import Finding, fault, note, ok
from backend.durations import size
from backend.store import clock, migrate
from backend.store.integrity import UNCHECKED, quick_check
from backend.store.proof import prove_writable, revision, trouble
from backend.store.session import Database
from backend.store.sqlite_version import sqlite_warnings

ABOUT = "database"
CLOCK = "clock"
CHECK_SECONDS = 8.0
LARGEST_LOG_BYTES = 1e9
"""Of SQLite's write-ahead log: it is taken into the database every few MB unless a reader never ends."""
LARGEST_STEP_SECONDS = 5.0

# Locks and shared memory of SQLite's write-ahead log do not work between machines.
OF_A_NETWORK = (
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "fuse.sshfs",
    "afs",
    "ceph",
    "glusterfs",
    "lustre",
)


@dataclass(frozen=True)
class DatabaseFacts:
    """`path` is that of a SQLite file, None on Postgres. `problem` is what it answers in place of all that follows."""

    path: Path | None
    is_there: bool = True
    problem: str | None = None
    details: str = ""
    revision: str | None = None
    write_problem: str | None = None
    damages: list[str] | None = field(default_factory=list)
    """None: the check came to no end in time."""
    bytes: float = 0.0
    log_bytes: float = 0.0
    file_system: str = ""
    ahead_seconds: float = 0.0
    """How far its clock is ahead of this machine's."""


def sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite address; None for any other. Opens nothing: that would make the file."""
    try:
        found = make_url(url)
    except ArgumentError:
        return None
    return Path(found.database) if found.get_backend_name() == "sqlite" and found.database else None


def look_at_database(database: Database) -> DatabaseFacts:
    path = sqlite_path(database.url.render_as_string(hide_password=False))
    try:
        found = revision(database)
        ahead = _clock_ahead(database)
    except SQLAlchemyError as problem:
        return DatabaseFacts(path, problem=trouble(problem), details=_first_line(problem))
    return DatabaseFacts(
        path,
        revision=found,
        write_problem=_write_problem(database) if found == migrate.newest_revision() else None,
        damages=quick_check(path, CHECK_SECONDS) if path else [],
        bytes=_bytes(path) if path else 0.0,
        log_bytes=_bytes(Path(f"{path}-wal")) if path else 0.0,
        file_system=_file_system(path) if path else "",
        ahead_seconds=ahead,
    )


def judge_database(facts: DatabaseFacts, wanted: str, sqlite_version: tuple[int, ...]) -> list[Finding]:
    if not facts.is_there:
        return [note(ABOUT, f"{facts.path} is not there yet: the first start makes it.", "runyard up")]
    if facts.problem is not None:
        details = f" ({facts.details})" if facts.details else ""
        return [fault(ABOUT, f"{facts.problem.removesuffix('.')}{details}.", _remedy(facts))]
    return [
        *_judge_revision(facts, wanted),
        *_judge_file(facts, sqlite_version),
        *judge_clock("the database's", facts.ahead_seconds),
    ]


def judge_clock(whose: str, ahead_seconds: float) -> list[Finding]:
    """Say whether this machine's clock is another's. Leases are told by the database's alone: no run is lost by it."""
    if abs(ahead_seconds) <= LARGEST_STEP_SECONDS:
        return [
            ok(CLOCK, f"This machine's clock and {whose} differ by less than {LARGEST_STEP_SECONDS:g} s.")
        ]
    way = "behind" if ahead_seconds > 0 else "ahead of"
    sentence = (
        f"This machine's clock is {abs(ahead_seconds):,.0f} s {way} {whose}: times and log-ins mislead."
    )
    return [fault(CLOCK, sentence, "timedatectl set-ntp true")]


def _judge_revision(facts: DatabaseFacts, wanted: str) -> list[Finding]:
    what = "SQLite" if facts.path else "Postgres"
    if facts.revision == wanted:
        if facts.write_problem is not None:
            return [
                fault(ABOUT, f"{what} answers, but cannot be written. {facts.write_problem}", _remedy(facts))
            ]
        held = f", {size(facts.bytes)}" if facts.path else ""
        return [ok(ABOUT, f"{what} answers and can be written, at revision {wanted}{held}.")]
    if facts.revision is None or facts.revision < wanted:
        stands = f"at revision {facts.revision}" if facts.revision else "empty"
        sentence = f"{what} is {stands}, and this version needs {wanted}."
        if facts.path:
            return [note(ABOUT, f"{sentence} The next start brings it there.", "runyard db upgrade")]
        return [fault(ABOUT, sentence, "runyard db upgrade")]
    newer = (
        f"{what} is at revision {facts.revision}, made by a newer version; this one knows {wanted} at most."
    )
    return [fault(ABOUT, newer, "use the newer version")]


def _judge_file(facts: DatabaseFacts, sqlite_version: tuple[int, ...]) -> list[Finding]:
    if facts.path is None:
        return []
    found = [note("SQLite", warning, "runyard backup") for warning in sqlite_warnings(sqlite_version)]
    if facts.file_system in OF_A_NETWORK:
        sentence = f"{facts.path} lies on a network ({facts.file_system}), where SQLite may damage it."
        found.append(fault(ABOUT, sentence, "move RUNYARD_HOME to a local disk, or use Postgres"))
    if facts.log_bytes > LARGEST_LOG_BYTES:
        sentence = (
            f"The write-ahead log has grown to {size(facts.log_bytes)}: some program never ends its reading."
        )
        found.append(note(ABOUT, sentence, "stop other programs that have the database open"))
    if facts.damages is None:
        sentence = f"Its check came to no end in {CHECK_SECONDS:g} s: nothing is known of damage."
        return [*found, note(ABOUT, sentence, f'sqlite3 {facts.path} "PRAGMA quick_check"')]
    if facts.damages and facts.damages[0].startswith(UNCHECKED):
        return [*found, note(ABOUT, f"{facts.damages[0]}.", "try again while it is not held")]
    if facts.damages:
        sentence = f"It is damaged: {'; '.join(facts.damages)}."
        return [
            *found,
            fault(ABOUT, sentence, "stop Runyard, keep a copy of the files, then: runyard restore"),
        ]
    return [*found, ok(ABOUT, "SQLite's quick check finds it sound.")]


def _remedy(facts: DatabaseFacts) -> str:
    said = f"{facts.problem or ''} {facts.write_problem or ''}"
    if "full" in said:
        return "make room on its disk"
    if "only be read" in said:
        return (
            f"mend the rights on {facts.path} and its folder"
            if facts.path
            else "make it writable, or use the primary"
        )
    if "damaged" in said or "no database" in said:
        return "stop Runyard, keep a copy of the files, then: runyard restore"
    if "locked" in said:
        return "end the program that holds it (fuser shows which)"
    return (
        "start its server, or mend RUNYARD_DATABASE_URL"
        if not facts.path
        else "look at the rights on its folder"
    )


def _write_problem(database: Database) -> str | None:
    try:
        prove_writable(database)
    except SQLAlchemyError as problem:
        return trouble(problem)
    return None


def _clock_ahead(database: Database) -> float:
    with database.read() as session:
        before = time.time()
        told = clock.read_now(session)
        return told - (before + time.time()) / 2


def _bytes(path: Path) -> float:
    try:
        return float(path.stat().st_size)
    except OSError:
        return 0.0


def _file_system(path: Path) -> str:
    """Return the kind of file system that a file lies on: that of the longest place that it is below."""
    resolved = path.resolve()
    below = [part for part in psutil.disk_partitions(all=True) if resolved.is_relative_to(part.mountpoint)]
    return max(below, key=lambda part: len(part.mountpoint)).fstype if below else ""


def _first_line(problem: SQLAlchemyError) -> str:
    return str(getattr(problem, "orig", None) or problem).strip().splitlines()[0].rstrip(".")
