"""The service alone, without workers, as a process of its own."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen

import psutil

from backend.client import Client, ServiceProblem
from backend.processes import wait_until
from tests.servers import free_port


@dataclass(frozen=True)
class Serving:
    """A service that answers. `start_seconds` went by from its exec to its first answer, looked for every 5 ms."""

    client: Client
    port: int
    process: psutil.Process
    start_seconds: float


@contextmanager
def serving(home: Path, limit_seconds: float) -> Iterator[Serving]:
    """Serve a home folder; yield the service once it answers, and end it afterwards."""
    port = free_port()
    environment = {**os.environ, "RUNYARD_HOME": str(home), "RUNYARD_PORT": str(port)}
    began = time.monotonic()
    process = Popen([sys.executable, "-m", "backend.main"], env=environment, stderr=DEVNULL)
    client = Client(f"http://127.0.0.1:{port}", token_file=home / "token")

    def answers() -> bool:
        try:
            return bool(client.status())
        except ServiceProblem:
            return False

    try:
        assert wait_until(answers, limit_seconds, 0.005), "the service does not answer"
        yield Serving(client, port, psutil.Process(process.pid), time.monotonic() - began)
    finally:
        process.terminate()
        process.wait(30)
