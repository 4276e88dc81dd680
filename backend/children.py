"""Child processes that are kept alive: each in a session of its own, restarted when it dies, killed by group.

It must not know what the children are for.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from backend.processes import group_members, kill_group

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
SETTLED_SECONDS = 30.0
"""A child that lived so long was all right: its next pause is the first again."""

HOPELESS_DEATHS = 5
"""A child that fails so often without ever having settled will not get better by itself."""

ASKED_TO_GO = (0, -signal.SIGTERM, -signal.SIGKILL)
"""Ends that somebody else wished for: no sign that the child cannot start."""

LARGEST_LOG_BYTES = 10_000_000
ECHOED_LINE = re.compile(r"\b(ERROR|CRITICAL)\b|\[(error|critical) *\]")
"""As the standard library and structlog write the level."""
LONGEST_ECHO = 300
"""Characters."""
MOST_ECHOES = 5
"""Lines of one child at a time; the rest is in its log."""


@dataclass(frozen=True)
class Plan:
    """How to start a child: its name, its command, its whole environment, and a file that it keeps locked."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    lock: Path | None = None


class Child:
    """One command, started again with growing pauses whenever it ends, until `stop`."""

    def __init__(self, plan: Plan, log: Path) -> None:
        self.plan = plan
        self.log = Log(log)
        self._process: subprocess.Popen[bytes] | None = None
        self._backoff = Backoff()
        self._started_at = 0.0
        self._restart_at = 0.0
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process and group of the present life."""
        return self._process.pid if self._process else None

    @property
    def hopeless(self) -> bool:
        return self._backoff.hopeless

    def start(self) -> None:
        # Only from the main thread: PDEATHSIG means the death of the thread that starts the child.
        with self.log.open_for_child() as output:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    *("-m", "backend.start_child", str(os.getpid()), str(self.plan.lock or "-")),
                    *self.plan.command,
                ],
                env=dict(self.plan.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal then reaches the parent alone, which stops the children in order.
                start_new_session=True,
            )
        self._started_at = time.monotonic()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def tend(self) -> str | None:
        """Start the child again when it is time; return a sentence if it was just found dead."""
        if self._process is None:
            if not self._stopping and time.monotonic() >= self._restart_at:
                self.start()
            return None
        code = self._process.poll()
        if code is None:
            return None
        self._bury(self._process.pid)
        pause_seconds = self._backoff.after(code, time.monotonic() - self._started_at)
        self._restart_at = time.monotonic() + pause_seconds
        # What a killed process said last is not why it was killed.
        said = f": {self.log.last_line()}" if code > 0 else ""
        return f"{self.plan.name} {_ended(code)}{said}"

    def stop(self) -> None:
        """Ask the child to go, and start it no more."""
        self._stopping = True
        if self._process is not None:
            self._process.terminate()

    def is_gone(self) -> bool:
        """Return whether the child and all of its group have ended."""
        return self._process is None or (
            self._process.poll() is not None and not group_members(self._process.pid)
        )

    def kill(self, limit_seconds: float = 1.0) -> bool:
        """SIGKILL the child and its group; return whether all are gone."""
        self._stopping = True
        if self._process is None:
            return True
        gone = kill_group(self._process.pid, limit_seconds)
        self._process.poll()
        return gone

    def _bury(self, pgid: int) -> None:
        """End what the dead child left behind, or it would work on beside the next one."""
        kill_group(pgid, limit_seconds=2.0)
        self._process = None


@dataclass
class Backoff:
    """How long to wait before the next life, and whether there is any hope."""

    deaths_at_start: int = 0
    has_settled: bool = False
    _next_pause_seconds: float = field(default=FIRST_PAUSE_SECONDS, repr=False)

    @property
    def hopeless(self) -> bool:
        return not self.has_settled and self.deaths_at_start >= HOPELESS_DEATHS

    def after(self, exit_code: int, lived_seconds: float) -> float:
        """Return the pause after a life that ended with `exit_code` (negative: a signal)."""
        if lived_seconds >= SETTLED_SECONDS:
            self.has_settled = True
            self._next_pause_seconds = FIRST_PAUSE_SECONDS
        elif exit_code not in ASKED_TO_GO:
            self.deaths_at_start += 1
        pause_seconds = self._next_pause_seconds
        self._next_pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
        return pause_seconds


class Log:
    """The file that a child writes to by itself, so that its last words survive its parent."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._life_begins = 0
        self._read_bytes = 0

    def open_for_child(self) -> BinaryIO:
        """Open the file at its end; one that has grown large is set aside first."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.path.exists() and self.path.stat().st_size > LARGEST_LOG_BYTES:
            self.path.replace(self.path.with_name(self.path.name + ".1"))
        output = self.path.open("ab")
        self._life_begins = self._read_bytes = output.tell()
        return output

    def new_errors(self) -> list[str]:
        """Return the lines written since the last call that speak of an error, shortened."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self._read_bytes)
            written = file.read()
        whole, _, _ = written.rpartition(b"\n")
        self._read_bytes += len(whole) + bool(whole)
        lines = whole.decode(errors="replace").splitlines()
        return [line[:LONGEST_ECHO] for line in lines if ECHOED_LINE.search(line)][:MOST_ECHOES]

    def last_line(self) -> str:
        """Return the last line of the present life that says something."""
        if not self.path.exists():
            return "its log is gone"
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            file.seek(max(self._life_begins, size - 4096))
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
        return next((line[:LONGEST_ECHO] for line in reversed(lines) if line), "it said nothing")


def _ended(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
