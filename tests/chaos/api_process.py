"""The API in a process of its own, without broker and workers: to be loaded, watched and killed."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil

from backend.processes import is_alive, wait_until
from tests.conftest import TOKEN
from tests.servers import free_port

ROOT = Path(__file__).parents[2]
NOBODY = "redis://127.0.0.1:1/0"
START_SECONDS = 120.0
STOP_SECONDS = 60.0
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class ApiProcess:
    """`python -m backend.main` on a port that it keeps over restarts. Use it as a context manager."""

    def __init__(self, home: Path, database_url: str, **environment: object) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = home / "api.log"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RUNYARD_TOKEN")},
            "RUNYARD_HOME": str(home),
            "RUNYARD_PORT": str(self.port),
            "RUNYARD_TOKEN": TOKEN,
            "RUNYARD_DATABASE_URL": database_url,
            "RUNYARD_BROKER_URL": NOBODY,
            **{f"RUNYARD_{name.upper()}": str(value) for name, value in environment.items()},
        }
        home.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "ApiProcess":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ask it to go, as `runyard up` does; one that does not is killed, and that is a failure."""
        self._process.terminate()
        went = wait_until(lambda: self._process.poll() is not None, STOP_SECONDS)
        self.kill()
        assert went, f"it would not end: {self.story()}"

    def start(self) -> None:
        """Start it, and return once it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "backend.main"],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        try:
            ended_or_up = lambda: self._process.poll() is not None or self._answers()  # noqa: E731
            assert wait_until(ended_or_up, START_SECONDS, 0.05), self.story()
            assert is_alive(self._process.pid), self.story()
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        self._process.kill()
        self._process.wait()

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.address, headers=BEARER, trust_env=False, **options)

    def story(self) -> str:
        return self.log.read_text()[-3000:]

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self._process.pid)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.address}/api/health", trust_env=False).is_success
        except httpx.TransportError:
            return False
