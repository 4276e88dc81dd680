"""Run the measurements: `python -m benchmarks [FILE...]`, all of them where no file is named.

Each is a process of its own, so that none inherits another's threads and flags. What they print is passed on, and
their goals are told again at the end; the exit status is 0 only where all ran and none was missed.
"""

import subprocess
import sys
from pathlib import Path

from benchmarks.goals import Goal, parse_goal

FOLDER = Path(__file__).parent
PARTS = ("features.py",)
"""Programs whose rows another one prints as well: alone only where they are named."""


def programs() -> list[Path]:
    """Return the files of this folder that can be run."""
    return [path for path in sorted(FOLDER.glob("[!_]*.py")) if path.name not in PARTS and _is_program(path)]


def _is_program(path: Path) -> bool:
    return 'if __name__ == "__main__":' in path.read_text("utf-8")


def goals_of(program: Path) -> list[Goal]:
    """Run one program; return its goals, and one that was missed where it did not come to its end."""
    print(f"== {program}", flush=True)
    goals = []
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            if goal := parse_goal(line):
                goals.append(goal)
    missed = any(goal.verdict == "missed" for goal in goals)
    if process.returncode != missed or not goals:
        goals.append(Goal(f"{program.stem}-runs", f"exit-{process.returncode}", "exit-0", "missed"))
    print(flush=True)
    return goals


def main(named: list[str]) -> int:
    goals = [goal for program in map(Path, named or programs()) for goal in goals_of(program)]
    for goal in goals:
        print(goal)
    return int(any(goal.verdict == "missed" for goal in goals))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
