"""Estimates of time and memory against what trainings really take: after a calibration, on this machine.

`make bench BENCH=benchmarks/estimate.py`; within 4 minutes on two idle cores. Each training is a whole one by the engine,
from its start to its last checkpoint, in a process forked and niced as a worker's are. `--cpu-seconds` counts the time of
all threads in place of the clock's, in calibration and trainings alike: for a machine that does other things as well.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the worker does

from backend.catalog.datasets import SHAPES
from backend.catalog.presets import merged
from backend.durations import size
from backend.estimates.memory import memory_bytes
from backend.estimates.speeds import speeds_of
from backend.estimates.time import seconds_on
from backend.readiness import GENERATED
from backend.spec import Spec, parse_spec
from benchmarks.goals import Goals
from worker.training import NICENESS

WITHIN = 1.5
MEDIAN_ERROR = 0.2

BASE = {
    "dataset": {"name": SHAPES.name, "image_size": 32, "train_limit": 640, "test_limit": 200},
    "model": {"arch": "resnet18"},
    "epochs": 2,
    "batch_size": 32,
    "eval_batch_size": 100,
    "optimizer": {"lr": 0.01},
}
SOFTMAX = {"model": {"arch": "softmax-regression"}}
FEATURES = {"arch": "resnet18", "node": "layer4", "pooling": "average"}

ROWS: dict[str, dict[str, Any]] = {
    "softmax regression, pixels": {
        **SOFTMAX,
        "dataset": {"train_limit": 8000, "test_limit": 2000},
        "epochs": 10,
        "batch_size": 256,
    },
    "ResNet-18, 32 px": {},
    "ResNet-18, 64 px": {"dataset": {"image_size": 64, "train_limit": 320}, "batch_size": 64},
    "AlexNet, 64 px": {"model": {"arch": "alexnet"}, "dataset": {"image_size": 64, "train_limit": 256}},
    "VGG16, 32 px": {"model": {"arch": "vgg16"}, "dataset": {"train_limit": 96}, "epochs": 1},
    "features of ResNet-18, 64 px": {
        **SOFTMAX,
        "features": FEATURES,
        "dataset": {"image_size": 64, "train_limit": 1000},
        "epochs": 10,
    },
    "ResNet-18, Adam": {"optimizer": {"name": "adam", "lr": 0.001}, "dataset": {"train_limit": 320}},
    "ResNet-18, validation, EMA, shifted": {
        "dataset": {"validation": 0.25, "augment": "crop_flip"},
        "optimizer": {"momentum": 0.9},
        "ema": 0.99,
    },
}


@dataclass(frozen=True)
class Measured:
    seconds: float
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int


def calibration(connection: Connection, folder: Path, *, cpu_seconds: bool) -> None:
    """Measure this machine; runs in a process of its own, as the next one does."""
    from worker.engine.calibrate import calibrate

    _be_nice(cpu_seconds)
    connection.send_bytes(json.dumps(calibrate("cpu", folder, clock=_clock(cpu_seconds))).encode())


def training(connection: Connection, folder: Path, table: dict[str, Any], *, cpu_seconds: bool) -> None:
    """Train, and tell what it took."""
    import torch

    from worker.engine.device import peak_memory_bytes
    from worker.engine.generated import ensure_generated
    from worker.engine.recorder import MemoryRecorder
    from worker.engine.train import TrainOptions, train

    _be_nice(cpu_seconds)
    dataset = ensure_generated(folder / "data", SHAPES.name)
    clock = _clock(cpu_seconds)
    began, wall, cpu = clock(), time.perf_counter(), time.process_time()
    train(
        parse_spec(table),
        dataset,
        MemoryRecorder(),
        folder=folder / "runs",
        attempt=1,
        features_folder=folder / "features",
        options=TrainOptions(device="cpu"),
    )
    told = {
        "seconds": clock() - began,
        "wall_seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "peak_bytes": peak_memory_bytes(torch.device("cpu")),
    }
    connection.send_bytes(json.dumps(told).encode())


def _clock(cpu_seconds: bool) -> Callable[[], float]:
    return time.process_time if cpu_seconds else time.perf_counter


def _be_nice(cpu_seconds: bool) -> None:
    """Take no more than a training of a worker is given; whose own time is counted need not wait for it."""
    if not cpu_seconds:
        os.nice(NICENESS)


def told_by(target: Callable[..., None], *args: Any, **more: Any) -> dict[str, Any]:
    """Return what a process of the fork server tells."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["worker.preload"])
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=target, args=(sender, *args), kwargs=more)
    process.start()
    sender.close()
    try:
        return json.loads(receiver.recv_bytes())
    finally:
        process.join()


def factor(ratio: float) -> float:
    """Return how far off a ratio is, whichever way: 0.5 and 2 are both a factor of 2."""
    return max(ratio, 1 / ratio)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cpu-seconds", action="store_true", help="count the time of all threads, on a busy machine"
    )
    cpu_seconds = parser.parse_args().cpu_seconds
    print(
        f"load before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores; times in {'CPU s' if cpu_seconds else 's'}"
    )
    times, memories = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        facts = told_by(calibration, folder / "calibration", cpu_seconds=cpu_seconds)
        print(f"calibrated in {facts['seconds']:.1f} s, torch {facts['torch']}")
        speeds = speeds_of(facts, "cpu")
        print(
            f"{'training':38}{'estimate':>10}{'measured':>10}{'ratio':>7}{'memory':>10}{'measured':>10}{'ratio':>7}{'cores':>7}"
        )
        for row, changes in ROWS.items():
            spec: Spec = parse_spec(merged(BASE, changes))
            measured = Measured(
                **told_by(training, folder, spec.model_dump(mode="json"), cpu_seconds=cpu_seconds)
            )
            seconds = seconds_on(spec, GENERATED[SHAPES.name], speeds)
            needed = memory_bytes(spec, GENERATED[SHAPES.name], speeds)
            times.append(seconds / measured.seconds)
            memories.append(needed / measured.peak_bytes)
            print(
                f"{row:38}{seconds:10.2f}{measured.seconds:10.2f}{times[-1]:7.2f}{size(needed):>10}"
                f"{size(measured.peak_bytes):>10}{memories[-1]:7.2f}{measured.cpu_seconds / measured.wall_seconds:7.2f}",
                flush=True,
            )
    print(f"load after: {os.getloadavg()[0]:.1f}")
    goals = Goals()
    goals.at_most("estimate-time-largest-factor", max(map(factor, times)), WITHIN)
    goals.at_most(
        "estimate-time-median-error", statistics.median(abs(one - 1) for one in times), MEDIAN_ERROR
    )
    goals.at_most("estimate-memory-largest-factor", max(map(factor, memories)), WITHIN)
    goals.end()


if __name__ == "__main__":
    main()
