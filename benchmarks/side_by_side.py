"""The two loops on one machine: the yardstick and the engine, given the same spec, images, start and threads."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

from backend.spec import Spec, parse_spec
from benchmarks import yardstick
from benchmarks.goals import Goals
from benchmarks.measuring import Clock, Pace, PacedRecorder
from worker.engine.data import Dataset
from worker.engine.recorder import MemoryRecorder
from worker.engine.train import TrainOptions, train
from worker.engine.weights import StartingWeights

COLUMNS = ("row", "yardstick images/s", "engine images/s", "ratio", "share of peak", "n")


@dataclass(frozen=True)
class SideBySide:
    """`home` is a temporary folder; `quick` makes everything small."""

    device: torch.device
    dataset: Dataset
    home: Path
    goals: Goals
    quick: bool = False
    threads: int = torch.get_num_threads()

    @property
    def clock(self) -> Clock:
        return Clock(self.device)

    @property
    def options(self) -> TrainOptions:
        return TrainOptions(device=self.device.type)

    def of(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    def spec(
        self,
        arch: str,
        *,
        train: int,
        test: int,
        epochs: int,
        batch: int,
        pixels: int | None = None,
        **more: object,
    ) -> Spec:
        limits = {
            "train_limit": min(train, len(self.dataset.train_labels)),
            "test_limit": min(test, len(self.dataset.test_labels)),
        }
        return parse_spec(
            {
                "dataset": {"name": self.dataset.name, "image_size": pixels, **limits},
                "model": {"arch": arch},
                "optimizer": {"lr": 0.02},
                "epochs": epochs,
                "batch_size": batch,
                **more,
            }
        )

    def yardstick(
        self,
        spec: Spec,
        *,
        loader_workers: int = 0,
        weights: StartingWeights | None = None,
        after_batch: Callable[[], bool] = lambda: False,
    ) -> list[yardstick.Epoch]:
        """Train with the yardstick."""
        # The engine takes one thread for a single layer, and sets nothing back.
        torch.set_num_threads(self.threads)
        return yardstick.train(
            spec,
            self.dataset,
            self.device,
            loader_workers=loader_workers,
            weights=weights,
            after_batch=after_batch,
        )

    def engine(
        self, spec: Spec, recorder: MemoryRecorder, weights: StartingWeights | None = None
    ) -> MemoryRecorder:
        """Train with the engine; return its recorder."""
        torch.set_num_threads(self.threads)
        train(
            spec,
            self.dataset,
            recorder,
            folder=self.home / "runs",
            attempt=1,
            weights=weights,
            features_folder=self.home / "features",
            options=self.options,
        )
        return recorder

    def paces(self, spec: Spec, *, skipped: int, timed: int, repeats: int) -> tuple[float, float]:
        """Return images a second of the batches after the first ones: medians of both loops, which take turns."""
        slow, fast = [], []
        for _ in range(repeats):
            pace = Pace(self.clock, skipped=skipped, timed=timed)
            self.yardstick(spec, after_batch=pace)
            slow.append(spec.batch_size * timed / pace.seconds)
            pace = Pace(self.clock, skipped=skipped, timed=timed)
            self.engine(spec, PacedRecorder(pace))
            fast.append(spec.batch_size * timed / pace.seconds)
        return median(slow), median(fast)


def rates(slow: float, fast: float) -> tuple[str, str, str]:
    """Return both paces and their ratio as cells of a table."""
    return f"{slow:,.1f}", f"{fast:,.1f}", f"{fast / slow:.2f}"
