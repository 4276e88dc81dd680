"""The fork server itself: whether a training would start at once."""

import psutil
import pytest

from backend.processes import is_alive, wait_until
from worker.forkserver import ForkServer

pytestmark = pytest.mark.processes


def servers() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if "multiprocessing.forkserver" in " ".join(p.cmdline())]


def test_a_server_that_died_is_back_before_anyone_may_claim_and_one_that_lives_is_kept() -> None:
    ready = ForkServer()
    try:
        ready.make_ready()
        (first,) = servers()
        ready.make_ready()
        assert servers() == [first]
        first.kill()
        assert wait_until(lambda: not is_alive(first.pid), 10)
        ready.make_ready()
        (second,) = servers()
        assert second != first
        assert is_alive(second.pid)
    finally:
        for server in servers():
            server.kill()
