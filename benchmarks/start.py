"""How soon Runyard is there, how little it holds at idle, and how soon a launched run trains.

`make bench BENCH=benchmarks/start.py`. The machine is noisy: medians of several tries, and the range beside them.
"""

import os
import platform
import re
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.goals import Goals
from benchmarks.service import serving
from tests.processes.stack import Stack

TRIES = 5
IDLE_SECONDS = 3.0

RESNET = {
    "model": {"arch": "resnet18"},
    "dataset": {"name": "shapes", "train_limit": 64, "test_limit": 16},
    "batch_size": 16,
}
"""What `Stack.launch` changes: a network of many layers, and few images."""


def server_start(home: Path) -> tuple[float, float]:
    """Start the service alone; return seconds until it answers, and MB of PSS when it idles."""
    with serving(home, 30) as service:
        time.sleep(IDLE_SECONDS)
        return service.start_seconds, service.process.memory_full_info().pss / 1e6


@dataclass(frozen=True)
class Begun:
    """One training on a warm worker, in seconds: from launch to claim, from claim to the first batch done, and so on."""

    to_claim: float
    to_batch: float
    building: float
    whole: float

    @property
    def beside_building(self) -> float:
        return self.to_batch - self.building


def trainings(stack: Stack, **changes: Any) -> list[Begun]:
    """Launch the same training several times, one after the other; the first warms up and does not count."""
    stack.wait_for_end(stack.launch(epochs=1, **changes))
    return [_begun(stack, stack.launch(epochs=1, **changes)) for _ in range(TRIES)]


def _begun(stack: Stack, run_id: int) -> Begun:
    run = stack.wait_for_end(run_id)
    created, started, finished = (_seconds(run[f"{name}_at"]) for name in ("created", "started", "finished"))
    log = "\n".join(line["text"] for line in stack.client.log(run_id)["lines"])
    to_batch = re.search(r"first batch done ([\d.]+) s", log)
    building = re.search(r"network built in ([\d.]+) s", log)
    assert to_batch and building, log
    return Begun(started - created, float(to_batch[1]), float(building[1]), finished - created)


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def row(what: str, values: list[float], unit: str) -> float:
    """Print the median and the range; return the median."""
    middle, low, high = statistics.median(values), min(values), max(values)
    print(f"{what:<52} {middle:8.2f} {unit:<3} ({low:.2f} to {high:.2f}, n={len(values)})", flush=True)
    return middle


def main() -> None:
    goals = Goals()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    with tempfile.TemporaryDirectory() as folder:
        starts = [server_start(Path(folder) / "alone") for _ in range(TRIES)]
        up = row("service up, from exec to first answer", [seconds for seconds, _ in starts], "s")
        idle = row("service at idle, PSS", [megabytes for _, megabytes in starts], "MB")
        with Stack(Path(folder) / "whole", poll_seconds=60) as stack:
            softmax = trainings(stack)
            resnet = trainings(stack, **RESNET)
    claim = row("launch to claim, embedded broker", [one.to_claim for one in softmax], "s")
    row("launch to completed, one epoch of 4,000", [one.whole for one in softmax], "s")
    batch = row("claim to first batch, softmax on shapes", [one.to_batch for one in softmax], "s")
    row("claim to first batch of 16, ResNet-18", [one.to_batch for one in resnet], "s")
    beside = row("the same, beside building the network", [one.beside_building for one in resnet], "s")
    goals.at_most("service-up", up, 2, "s")
    goals.at_most("service-idle-pss", idle, 100, "MB")
    goals.at_most("launch-to-claim", claim, 0.1, "s")
    goals.at_most("claim-to-first-batch-softmax", batch, 1, "s")
    goals.at_most("claim-to-first-batch-resnet18-beside-building", beside, 1, "s")
    goals.end()


if __name__ == "__main__":
    main()
