"""Logs are written where they can be, and nothing ends where they cannot: the system's /dev/full plays a full disk."""

import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")

WORK = """
import logging
import structlog
from backend.logs import set_up_logging
from backend.loops import surviving

set_up_logging("info")
for number in range(3):
    with surviving("a test"):
        structlog.get_logger().info("a round begins")
        logging.getLogger("a library").warning("it speaks, too")
        print("round", number, flush=True)
        raise ValueError("what is survived")
"""


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_thread_that_has_something_to_say_goes_on_where_its_log_is_on_a_full_disk() -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", WORK], stdout=subprocess.PIPE, stderr=full, text=True, check=False
        )
    assert done.stdout.splitlines() == ["round 0", "round 1", "round 2"]


def test_what_is_said_is_in_the_log_where_there_is_room() -> None:
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr.count("a round begins") == done.stderr.count("it speaks, too") == 3
    assert done.stderr.count("ValueError: what is survived") == 3
