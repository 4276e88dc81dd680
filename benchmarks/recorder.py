"""What recording costs: the processor time of the recorder's and the sampler's threads and of the calls to them.

`make bench BENCH=benchmarks/recorder.py`. The worker's own recorder writes to a SQLite store in a temporary folder while the
engine trains, with the figures of the device sampled beside it, as in a worker; then with every step kept as well. Softmax
regression is the worst case: it computes next to nothing. The goal is judged on a small ResNet-18, the usual one.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the worker does

import torch

from backend.catalog.datasets import SHAPES
from backend.contract import TIMING_METRICS
from backend.spec import Spec, parse_spec
from backend.store import attempts, launches, migrate, points
from backend.store.attempts import Claimed
from backend.store.session import Database
from benchmarks.goals import Goals
from benchmarks.measuring import Table, machine
from worker.device_figures import figures_of_training
from worker.engine.data import Dataset
from worker.engine.generated import ensure_generated
from worker.engine.recorder import MemoryRecorder, Recorder
from worker.engine.train import Outcome, TrainOptions, train
from worker.recorder import DatabaseRecorder

OWNER = "benchmark"
LEASE_SECONDS = 60.0
MOST = 0.01

SPECS = {
    "softmax": {
        "dataset": {"name": SHAPES.name},
        "model": {"arch": "softmax-regression"},
        "epochs": 10,
    },
    "resnet18-32px": {
        "dataset": {"name": SHAPES.name, "train_limit": 1600, "test_limit": 400},
        "model": {"arch": "resnet18"},
        "epochs": 3,
        "batch_size": 32,
    },
}


class Metered:
    """Passes every call on, and adds up the processor time that the calling thread spends in it."""

    def __init__(self, recorder: DatabaseRecorder) -> None:
        self._recorder = recorder
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        called = getattr(self._recorder, name)

        def metered(*arguments: Any, **named: Any) -> Any:
            began = time.thread_time()
            try:
                return called(*arguments, **named)
            finally:
                self.seconds += time.thread_time() - began

        setattr(self, name, metered)
        return metered


@dataclass(frozen=True)
class Recorded:
    """What a training took, in CPU seconds but for `wall`, and of it the threads beside it and the calls to them.

    The threads look and write so many times a second: on a machine that is busy with other things they cost more.
    """

    wall: float
    whole: float
    threads: float
    calls: float
    curves: dict[str, list[float | None]]

    @property
    def share(self) -> float:
        return (self.threads + self.calls) / self.whole


def train_with(spec: Spec, dataset: Dataset, recorder: Recorder, home: Path) -> None:
    options = TrainOptions(device="cpu", checkpoint_seconds=30)
    assert (
        train(spec, dataset, recorder, folder=home / "runs", attempt=1, options=options) is Outcome.COMPLETED
    )


def alone(spec: Spec, dataset: Dataset, home: Path) -> Recorded:
    """Train without a store."""
    recorder, began, began_wall = MemoryRecorder(), time.process_time(), time.monotonic()
    train_with(spec, dataset, recorder, home)
    wall, whole = time.monotonic() - began_wall, time.process_time() - began
    first = recorder.epochs[0].metrics
    return Recorded(wall, whole, 0.0, 0.0, _without_times({name: [*recorder.series(name)] for name in first}))


def recorded(spec: Spec, dataset: Dataset, home: Path) -> Recorded:
    """Train with the worker's recorder and the sampler."""
    database = Database(f"sqlite:///{home / 'store.sqlite'}")
    migrate.upgrade(database)
    claimed = _claimed(database, spec)
    recorder = DatabaseRecorder(database, claimed, spec.epochs, LEASE_SECONDS, time.monotonic())
    metered, others = Metered(recorder), set(threading.enumerate())
    began, began_wall = time.process_time(), time.monotonic()
    recorder.start()
    figures = figures_of_training(recorder.device_sample, time.monotonic(), "cpu", 1)
    with figures:
        train_with(spec, dataset, cast(Recorder, metered), home)
        threads = sum(map(_seconds_of, set(threading.enumerate()) - others))
        closing = time.process_time()
    recorder.close()
    ended, wall = time.process_time(), time.monotonic() - began_wall
    with database.read() as session:
        stored = points.read(session, claimed.run_id)
        curves = _without_times({name: [*one.values] for name, one in stored.items()})
    database.dispose()
    return Recorded(wall, ended - began, threads + ended - closing, metered.seconds, curves)


def _claimed(database: Database, spec: Spec) -> Claimed:
    with database.write() as session:
        launches.accept(session, [launches.NewRun(spec, "benchmark")], body_sha256="0" * 64)
    with database.write() as session:
        claimed = attempts.claim(session, OWNER, LEASE_SECONDS)
    assert claimed
    return claimed


def _seconds_of(thread: threading.Thread) -> float:
    assert thread.ident
    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))


def _without_times(curves: dict[str, list[float | None]]) -> dict[str, list[float | None]]:
    return {name: values for name, values in curves.items() if name not in TIMING_METRICS}


def main() -> None:
    goals = Goals()
    print(machine(torch.device("cpu")))
    table = Table("training", "wall s", "CPU s", "without store", "threads s", "calls s", "share")
    with tempfile.TemporaryDirectory() as folder:
        dataset = ensure_generated(Path(folder) / "data", SHAPES.name)
        for name, values in SPECS.items():
            plain = alone(parse_spec(values), dataset, Path(folder) / name)
            for kept in (False, True):
                label = f"{name}{'-with-steps' * kept}"
                home = Path(folder) / label
                found = recorded(parse_spec({**values, "step_series": kept}), dataset, home)
                table.row(
                    label,
                    f"{found.wall:.1f}",
                    f"{found.whole:.2f}",
                    f"{plain.whole:.2f}",
                    f"{found.threads:.3f}",
                    f"{found.calls:.3f}",
                    f"{found.share:.2%}",
                )
                if name != "softmax":
                    goals.at_most(f"recorder-{label}", 100 * found.share, 100 * MOST, "%")
                changed = sum(found.curves[metric] != curve for metric, curve in plain.curves.items())
                goals.at_most(f"recorder-{label}-curves-changed", changed, 0)
    goals.end()


if __name__ == "__main__":
    main()
