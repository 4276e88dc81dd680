"""How soon Runyard is there, how little it holds at idle, and how soon a launched run trains.

`make bench BENCH=benchmarks/start.py`. Goals: server up in 2 s and 100 MB PSS at idle; from claim to first batch
1 s on a warm worker. The machine is noisy: medians of several tries, and the range beside them.
"""

import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.client import Client, ServiceProblem
from backend.processes import wait_until
from tests.processes.stack import Stack
from tests.servers import free_port

TRIES = 5
IDLE_SECONDS = 3.0


def server_start(home: Path) -> tuple[float, float]:
    """Start the service alone; return seconds until it answers, and MB of PSS when it idles."""
    port = free_port()
    environment = {**os.environ, "RUNYARD_HOME": str(home), "RUNYARD_PORT": str(port)}
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "backend.main"], env=environment, stderr=subprocess.DEVNULL
    )
    client = Client(f"http://127.0.0.1:{port}", token_file=home / "token")

    def answers() -> bool:
        try:
            return bool(client.status())
        except ServiceProblem:
            return False

    try:
        assert wait_until(answers, 30, 0.005)
        seconds = time.monotonic() - began
        time.sleep(IDLE_SECONDS)
        return seconds, psutil.Process(process.pid).memory_full_info().pss / 1e6
    finally:
        process.terminate()
        process.wait(10)


def launches(home: Path) -> tuple[list[float], list[float], list[float]]:
    """Return, for several runs on a warm worker: seconds from launch to claim, to first batch, to the end."""
    to_claim, to_batch, whole = [], [], []
    with Stack(home, poll_seconds=60) as stack:
        stack.wait_for_end(stack.launch(epochs=1))
        for _ in range(TRIES):
            run = stack.wait_for_end(stack.launch(epochs=1))
            created, started, finished = (
                _seconds(run[f"{name}_at"]) for name in ("created", "started", "finished")
            )
            log = "\n".join(line["text"] for line in stack.client.log(run["id"])["lines"])
            found = re.search(r"first batch done ([\d.]+) s", log)
            assert found, log
            to_claim.append(started - created)
            to_batch.append(float(found[1]))
            whole.append(finished - created)
    return to_claim, to_batch, whole


def _seconds(iso: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(iso).timestamp()


def row(what: str, values: list[float], unit: str, goal: str) -> None:
    middle, low, high = statistics.median(values), min(values), max(values)
    print(f"{what:<42} {middle:8.2f} {unit:<3} ({low:.2f} to {high:.2f}, n={len(values)})   goal {goal}")


def main() -> None:
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    with tempfile.TemporaryDirectory() as folder:
        starts = [server_start(Path(folder) / "alone") for _ in range(TRIES)]
        to_claim, to_batch, whole = launches(Path(folder) / "whole")
    row("service up, from exec to first answer", [seconds for seconds, _ in starts], "s", "2")
    row("service at idle, PSS", [megabytes for _, megabytes in starts], "MB", "100")
    row("launch to claim, embedded broker", to_claim, "s", "0.1")
    row("claim to first batch, softmax on shapes", to_batch, "s", "1")
    row("launch to completed, one epoch of 4,000", whole, "s", "-")


if __name__ == "__main__":
    main()
