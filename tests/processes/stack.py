"""A whole Runyard for tests: `runyard up` as a person starts it, on a free port and a home of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from backend.client import Client, ServiceProblem
from backend.contract import FINAL, TIMING_METRICS
from backend.processes import is_alive, wait_until
from tests.servers import free_port

ROOT = Path(__file__).parents[2]
# Limits, not waits: a test machine may be several times slower than a desk, and busy besides.
START_SECONDS = 240.0
STOP_SECONDS = 30.0
LIMIT_SECONDS = 240.0


class Stack:
    """`runyard up` in a process of its own. Use it as a context manager: it must be gone afterwards."""

    def __init__(self, home: Path, *, workers: int = 1, **environment: object) -> None:
        self.home = home
        self.port = free_port()
        self.log = home / "up.out"
        self._workers = workers
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RUNYARD_TOKEN")},
            "RUNYARD_HOME": str(home),
            "RUNYARD_PORT": str(self.port),
            "RUNYARD_CPU_THREADS": "1",
            **{f"RUNYARD_{name.upper()}": str(value) for name, value in environment.items()},
        }
        # As the command line finds it: `up` makes the token in its home folder, where it was given none.
        self.token_file = home / "token"
        given = environment.get("token")
        self.client = Client(
            f"http://127.0.0.1:{self.port}",
            token=str(given) if given else None,
            token_file=None if given else self.token_file,
        )

    def __enter__(self) -> "Stack":
        self.home.mkdir(parents=True, exist_ok=True)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "backend.cli", "up", "--workers", str(self._workers)],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self.until(self._is_up, START_SECONDS)
        except BaseException:
            self.__exit__()  # nobody else does where this is not reached
            raise
        return self

    def __exit__(self, *_: object) -> None:
        everyone = self.descendants()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            assert wait_until(lambda: self.process.poll() is not None, STOP_SECONDS), self.story()
            assert wait_until(lambda: not any(is_alive(p.pid) for p in everyone), STOP_SECONDS), (
                "processes were left over"
            )
        finally:
            for process in [*everyone, psutil.Process()]:
                if process.pid != os.getpid() and is_alive(process.pid):
                    process.kill()
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            self.client.__exit__()

    def until(self, condition: Callable[[], object], limit_seconds: float = LIMIT_SECONDS) -> None:
        """Return once `condition` holds; a stack that has ended, or the limit, is a failure with its story."""
        ended = lambda: self.process.poll() is not None  # noqa: E731
        assert wait_until(lambda: ended() or condition(), limit_seconds, 0.05), self.story()
        assert not ended(), self.story()

    def story(self) -> str:
        logs = [self.log, *sorted((self.home / "logs").glob("*.log"))]
        return "\n".join(f"== {log.name}\n{log.read_text()[-3000:]}" for log in logs if log.exists())

    def descendants(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    # What a person or a script does.

    def launch(self, **changes: Any) -> int:
        """Queue a training on the generated set that takes some seconds; return its id."""
        overrides = {
            "dataset": {"name": "shapes", "train_limit": 4000, "test_limit": 500},
            "batch_size": 32,
            "optimizer": {"lr": 0.01, "momentum": 0.9},
            **changes,
        }
        # Some are launched to be ended in the middle: how long they would take is nobody's concern.
        return self.client.launch(preset="softmax-original", overrides=overrides, confirm=True)["runs"][0]

    def state(self, run_id: int) -> str:
        return self.client.run(run_id)["state"]

    def wait_for_end(self, run_id: int, limit_seconds: float = LIMIT_SECONDS) -> dict[str, Any]:
        self.until(lambda: self.state(run_id) in FINAL, limit_seconds)
        return self.client.run(run_id)

    def epochs_done(self, run_id: int) -> int:
        last = self.client.run(run_id)["last"]
        return last["epoch"] if last else 0

    def numbers(self, run_id: int) -> dict[str, list[float | None]]:
        """Return the curves of a run, without times, rates and memory."""
        series = self.client.points(run_id)["series"]
        return {name: one["values"] for name, one in series.items() if name not in TIMING_METRICS}

    # Which process is which.

    def worker_process(self) -> psutil.Process:
        """Return the living worker: the one that is registered and idle or busy."""
        workers = [w for w in self._status()["workers"] if w["state"] != "lost"]
        return psutil.Process(int(workers[-1]["id"].rpartition(":")[2].partition("-")[0]))

    def fork_server_process(self) -> psutil.Process:
        found = [p for p in self.worker_process().children() if "forkserver" in " ".join(p.cmdline())]
        assert len(found) == 1, found
        return found[0]

    def training_process(self) -> psutil.Process:
        found = self.fork_server_process().children()
        assert len(found) == 1, found
        return found[0]

    def _status(self) -> dict[str, Any]:
        return self.client.status()

    def _is_up(self) -> bool:
        try:
            alive = [w for w in self._status()["workers"] if w["state"] in ("idle", "busy")]
            return len(alive) >= self._workers
        except ServiceProblem:
            return False
