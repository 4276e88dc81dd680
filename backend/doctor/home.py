"""The home folder: that it can be written, has room, and keeps its secrets."""

import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from backend.doctor.finding import Finding, fault, note, ok
from backend.durations import size
from backend.errors import InvalidSetting
from backend.gate.operator_token import OTHERS, given_token, home_token_file, read_private
from backend.settings import Settings

ABOUT = "home"
DISK = "disk"
TOKEN = "token"

LEAST_FREE_BYTES = 500e6
"""A checkpoint of the smaller networks with what it replaces; below it trainings begin to fail."""
SCARCE_FREE_BYTES = 5e9
"""VGG16 with its optimizer's state is 1.1 GB, and a new checkpoint is written before the old one goes."""


@dataclass(frozen=True)
class HomeFacts:
    """`problem` is why nothing can be written into it, or where it is not there, why it cannot be made."""

    path: Path
    is_there: bool
    problem: str | None = None
    is_open_to_others: bool = False
    free_bytes: float | None = None


def look_at_home(home: Path) -> HomeFacts:
    nearest = next((folder for folder in (home, *home.parents) if folder.exists()), Path("/"))
    free = _free_bytes(nearest)
    if not home.is_dir():
        there = nearest == home  # a file of this name
        problem = "it is no folder" if there else _problem_of_writing(nearest)
        return HomeFacts(home, is_there=there, problem=problem, free_bytes=free)
    is_open = bool(stat.S_IMODE(home.stat().st_mode) & OTHERS)
    return HomeFacts(home, True, _problem_of_writing(home), is_open, free)


def judge_home(facts: HomeFacts) -> list[Finding]:
    path = facts.path
    if facts.problem is not None:
        deed = "written to" if facts.is_there else "made"
        remedy = f"set RUNYARD_HOME to a folder of your own, or mend the rights on {path}"
        return [fault(ABOUT, f"{path} cannot be {deed}: {facts.problem}.", remedy)]
    found = (
        ok(ABOUT, f"{path} can be written to.")
        if facts.is_there
        else note(ABOUT, f"{path} is not there yet: the first start makes it.", "runyard up")
    )
    others = note(ABOUT, f"Other users of this machine can look into {path}.", f"chmod 700 {path}")
    return [found, *([others] if facts.is_open_to_others else []), *_judge_room(path, facts.free_bytes)]


def _judge_room(path: Path, free: float | None) -> list[Finding]:
    if free is None:
        return []
    left = f"{size(free)} are free where {path} lies"
    remedy = "delete runs that nobody needs (runyard delete), or move RUNYARD_HOME to a larger disk"
    if free < LEAST_FREE_BYTES:
        return [fault(DISK, f"Only {left}: checkpoints will soon find no room.", remedy)]
    if free < SCARCE_FREE_BYTES:
        return [note(DISK, f"{left}: that is little for large networks and their features.", remedy)]
    return [ok(DISK, f"{left}.")]


def check_token(settings: Settings) -> list[Finding]:
    """Say how the operator's token is, and whether the address needs one that was given."""
    try:
        given = given_token(settings)
        path = home_token_file(settings)
        if given is None and path.exists():
            read_private(path, "The file of the operator's token")
    except InvalidSetting as problem:
        return [fault(TOKEN, str(problem), "mend it as the sentence says; every command needs it")]
    if given is not None:
        return [ok(TOKEN, "It is given by the environment, and can be one.")]
    if not settings.is_local:
        sentence = (
            f"RUNYARD_HOST is {settings.host!r}, which other machines can reach, and no token is given."
        )
        return [fault(TOKEN, sentence, "set RUNYARD_TOKEN_FILE to a file that holds one, with mode 600")]
    if path.exists():
        return [ok(TOKEN, f"{path} is read by its owner alone.")]
    return [note(TOKEN, f"{path} is not there yet: the first start makes it.")]


def _problem_of_writing(folder: Path) -> str | None:
    """Return why nothing can be written into a folder, by trying it: rights alone say little to root, or on a full disk."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as problem:
        return problem.strerror or str(problem)
    return None


def _free_bytes(folder: Path) -> float | None:
    try:
        return float(shutil.disk_usage(folder).free)
    except OSError:
        return None
