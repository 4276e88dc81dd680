"""`make chaos`: every goal of reliability with its full counts; a line each, and success only when all are held.

    python -m tests.chaos [what pytest takes, such as tests/chaos/test_handover.py]

With paths named, only the goals of those tests are asked for. Nothing may be skipped: what was not tried is not held.
"""

import os
import sys

import pytest

os.environ["RUNYARD_CHAOS"] = "full"
os.environ.setdefault("RUNYARD_TEST_REQUIRE", "postgres,redis,tmpfs")

from tests.chaos.goals import GOALS, PROPERTY


class Ledger:
    """A plugin of pytest that keeps the lines which tests tell of goals, and the names of what was skipped."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.skipped: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            self.skipped.append(report.nodeid)
        if report.when == "call":
            self.lines += [str(line) for name, line in report.user_properties if name == PROPERTY]

    def told(self) -> set[str]:
        return {line.split(" ", 1)[0] for line in self.lines}

    def broken(self) -> list[str]:
        return [line for line in self.lines if line.endswith("broken")]


def main(arguments: list[str]) -> int:
    """Run the tests; return 0 only if all passed, none was skipped, and every goal asked for was told and held."""
    ledger = Ledger()
    status = pytest.main(
        ["-m", "chaos", "-q", "-p", "no:cacheprovider", *(arguments or ["tests"])], plugins=[ledger]
    )
    missing = [] if arguments else [name for name in GOALS if name not in ledger.told()]
    print()
    for line in sorted(ledger.lines, key=lambda line: GOALS.index(line.split(" ", 1)[0])):
        print(line)
    for name in missing:
        print(f"{name} | nothing was told of it | | broken")
    if ledger.skipped:
        print(f"{len(ledger.skipped)} skipped, and so not tried: {', '.join(ledger.skipped)}")
    well = status == pytest.ExitCode.OK and not missing and not ledger.broken() and not ledger.skipped
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
