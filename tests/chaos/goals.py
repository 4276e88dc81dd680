"""What a chaos test reached, told as a figure beside its goal: printed at the end of the tests, and in `make chaos`.

`make test` runs every goal with smaller counts; `make chaos` sets RUNYARD_CHAOS=full for those of the design.
"""

import os
import random
import secrets
from collections.abc import Callable

FULL = os.environ.get("RUNYARD_CHAOS") == "full"
GOALS = tuple(f"R{number}" for number in range(1, 17))
PROPERTY = "goal"
"""The name under which a test's report carries its lines, also from a process of xdist."""


def scaled(short: int, full: int) -> int:
    """Return a count for `make test` or for `make chaos`."""
    return full if FULL else short


def seeded() -> tuple[random.Random, int]:
    """Return a source of chance and its seed: of RUNYARD_CHAOS_SEED, to replay a failure, else a new one."""
    given = os.environ.get("RUNYARD_CHAOS_SEED")
    seed = int(given) if given else secrets.randbelow(2**32)
    print(f"RUNYARD_CHAOS_SEED={seed}")  # noqa: T201 -- pytest shows it where the test fails
    return random.Random(seed), seed


class Goal:
    """Tells what a test reached, and fails it where that is too little."""

    def __init__(self, record_property: Callable[[str, object], None]) -> None:
        self._record = record_property

    def tell(self, name: str, figure: str, goal: str, *, held: bool) -> None:
        """Record `name figure goal held|broken`; raise AssertionError where it is broken.

        `figure` is what was counted or measured, `goal` what it must be; both in a few words. `name` is one of
        GOALS. May be told several times for one goal, as for two kinds of store: all must hold.
        """
        assert name in GOALS, name
        verdict = "held" if held else "broken"
        self._record(PROPERTY, f"{name} | {figure} | {goal} | {verdict}")
        assert held, f"{name}: {figure}; the goal is {goal}"
