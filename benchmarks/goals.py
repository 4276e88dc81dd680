"""What a measurement is held against: each program ends with a line a goal, and exits with 1 where one was missed.

    GOAL <name> <value> <goal> met|missed|unshown [(why)]

`unshown` is what this machine, or a run that was made too short on purpose, cannot show. Knows nothing of what is measured.
"""

import re
import sys
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["met", "missed", "unshown"]

_LINE = re.compile(r"GOAL (\S+) (\S+) (\S+) (met|missed|unshown)(?: \((.*)\))?")


@dataclass(frozen=True)
class Goal:
    """One goal, with what came out. No part but `why` holds a space."""

    name: str
    value: str
    wanted: str
    verdict: Verdict
    why: str = ""

    def __str__(self) -> str:
        line = f"GOAL {self.name} {self.value} {self.wanted} {self.verdict}"
        return f"{line} ({self.why})" if self.why else line


def parse_goal(line: str) -> Goal | None:
    """Return the goal that a line of output tells; None where it tells none."""
    found = _LINE.fullmatch(line.strip())
    if found is None:
        return None
    name, value, wanted, verdict, why = found.groups()
    return Goal(name, value, wanted, verdict, why or "")  # pyright: ignore[reportArgumentType] - the pattern allows no other


class Goals:
    """The goals of one program, in the order in which they were judged.

    Where `unshown_because` says why, values are told and nothing is judged.
    """

    def __init__(self, unshown_because: str = "") -> None:
        self._unshown_because = unshown_because
        self.all: list[Goal] = []

    def at_least(self, name: str, value: float, least: float, unit: str = "") -> None:
        # Not a number is neither at least nor at most anything: it misses.
        self._judge(name, value, f">={least:g}{unit}", unit, value >= least)

    def at_most(self, name: str, value: float, most: float, unit: str = "") -> None:
        self._judge(name, value, f"<={most:g}{unit}", unit, value <= most)

    def unshown(self, name: str, wanted: str, why: str) -> None:
        self.all.append(Goal(name, "-", wanted, "unshown", why))

    def end(self) -> None:
        """Print all of them and end the program: with 1 where one was missed."""
        print()
        for goal in self.all:
            print(goal)
        sys.exit(any(goal.verdict == "missed" for goal in self.all))

    def _judge(self, name: str, value: float, wanted: str, unit: str, holds: bool) -> None:
        verdict: Verdict = "met" if holds else "missed"
        if self._unshown_because:
            verdict = "unshown"
        self.all.append(Goal(name, f"{value:.4g}{unit}", wanted, verdict, self._unshown_because))
