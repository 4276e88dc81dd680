"""What a device can do, measured by trainings of a few batches: the numbers that estimates of time are made of.

Every number is fitted to real trainings by the engine, of noise that nobody learns from: the same threads, layout,
resizing and steps. A handful of sizes of batch, image and network tell apart what a layer, a parameter, a multiply-add
and an activation cost. Only optimizers are measured by themselves.
"""

import gc
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch.nn import Parameter

from backend.catalog.models import SOFTMAX_REGRESSION, models
from backend.catalog.workloads import CALIBRATION_VERSION, LinearWork, Work, work_of
from backend.spec import OptimizerSpec, Spec, parse_spec
from worker.engine.average import Average
from worker.engine.data import Dataset, write_dataset
from worker.engine.device import choose_device, peak_memory_bytes
from worker.engine.optimizers import build_optimizer
from worker.engine.precision import has_bf16_units
from worker.engine.recorder import MemoryRecorder
from worker.engine.train import TrainOptions, train

Clock = Callable[[], float]
Unit = TypeVar("Unit", Work, LinearWork)

CLASSES = 10
STORED_PIXELS = 32
TIMED_EPOCHS = 2
"""After a first one that is not counted: in it, buffers are made and kernels chosen. The faster one counts."""

_STEPPED_PARAMETERS = 4_000_000
"""More than a cache holds, as those of a network are."""
_STEPS = 3


@dataclass(frozen=True)
class Cell:
    """A training of a few batches: all of one size, and one batch of as many images to evaluate."""

    arch: str
    pixels: int
    batch_size: int
    steps: int
    augment: str = "none"
    precision: str = "auto"
    completes: bool = False
    """Whether it goes on to the checkpoint at its end, which is timed as well."""

    def spec(self) -> Spec:
        return parse_spec(
            {
                "dataset": {"name": "noise", "image_size": self.pixels, "augment": self.augment},
                "model": {"arch": self.arch},
                "epochs": 2 + TIMED_EPOCHS,
                "batch_size": self.batch_size,
                "eval_batch_size": self.batch_size,
                "precision": self.precision,
                "compile": "off",
            }
        )


NETWORKS = (
    Cell("resnet18", 32, 16, 3, completes=True),
    Cell("resnet18", 32, 64, 1),
    Cell("resnet18", 64, 32, 1),
    Cell("alexnet", 64, 16, 1),
    Cell("alexnet", 64, 64, 1),
)
LINEAR = (
    # Last: a single layer takes one thread, and whatever follows in this process keeps it.
    Cell(SOFTMAX_REGRESSION, 32, 32, 20),
    Cell(SOFTMAX_REGRESSION, 32, 256, 4),
    Cell(SOFTMAX_REGRESSION, 64, 32, 20),
    Cell(SOFTMAX_REGRESSION, 64, 256, 4),
    Cell(SOFTMAX_REGRESSION, 32, 256, 4, augment="crop_flip"),
)


@dataclass(frozen=True)
class Timed:
    """Seconds of one step and of one batch evaluated; of what an epoch costs beside these; before the first step; and of
    the checkpoint, where there was one."""

    cell: Cell
    step: float
    evaluated: float
    epoch: float
    start: float
    saved: float | None


@dataclass
class _Stopwatch(MemoryRecorder):
    """Notes when the first batch was asked for, and in each epoch when its last step was done, when it was evaluated and
    when it was told."""

    clock: Clock = time.perf_counter
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    began: float | None = None
    trained: list[float] = field(default_factory=list)
    evaluated: list[float] = field(default_factory=list)
    told: list[float] = field(default_factory=list)

    def should_stop(self) -> bool:
        if self.began is None:
            self.began = self._now()
        return super().should_stop()

    def progress(self, *, epoch: int, step: int, steps: int, images_per_second: float) -> None:
        if step == steps:
            self.trained.append(self._now())

    def log(self, text: str) -> None:
        super().log(text)
        # The first line after the last step says how the epoch went: the network has been tested by then.
        if len(self.evaluated) < len(self.trained):
            self.evaluated.append(self._now())

    def epoch(self, *args: Any, **more: Any) -> None:
        super().epoch(*args, **more)
        self.told.append(self._now())

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return self.clock()


def calibrate(
    device_name: str, folder: Path, *, threads: int = 0, clock: Clock = time.perf_counter
) -> dict[str, Any]:
    """Return what was measured of a device ("cpu" or "cuda"), as plain JSON. Takes 5 to 15 s on two cores.

    `folder` is left with what was trained in it. The threads of this process are changed: it should be one of its own.
    """
    began = time.perf_counter()
    device = choose_device(device_name)
    measure = _Measure(folder, device, threads, clock)
    networks = [measure.timed(cell) for cell in NETWORKS]
    precisions = measure.precisions() if device.type == "cuda" else {}
    optimizers = measure.optimizers()
    linear = [measure.timed(cell) for cell in LINEAR]
    start, start_parameter = _of_start(networks)
    return {
        "version": CALIBRATION_VERSION,
        "training": asdict(fitted(Work, [_network_work(one) for one in networks], _steps(networks))),
        "evaluation": asdict(fitted(Work, [_network_work(one) for one in networks], _evaluated(networks))),
        "linear_training": asdict(fitted(LinearWork, [_linear_work(one) for one in linear], _steps(linear))),
        "linear_evaluation": asdict(
            fitted(LinearWork, [_evaluated_work(one) for one in linear], _evaluated(linear))
        ),
        "optimizers": optimizers,
        "precisions": precisions,
        "epoch": min(one.epoch for one in (*networks, *linear)),
        "start": start,
        "start_parameter": start_parameter,
        "saved_byte": _of_saving(networks),
        "process_bytes": _resident_bytes(),
        "threads": torch.get_num_threads() if threads else os.cpu_count(),
        "torch": torch.__version__,
        "measured": [asdict(one) for one in (*networks, *linear)],
        "seconds": round(time.perf_counter() - began, 1),
    }


class _Measure:
    def __init__(self, folder: Path, device: torch.device, threads: int, clock: Clock) -> None:
        self._folder = folder
        self._device = device
        self._clock = clock
        self._options = TrainOptions(device=device.type, threads=threads, checkpoint_seconds=1e9)

    def timed(self, cell: Cell) -> Timed:
        """Train a few batches and return how long they took."""
        epochs = 1 + TIMED_EPOCHS
        watch = _Stopwatch(clock=self._clock, device=self._device)
        if not cell.completes:
            watch.stop_when = lambda recorder: len(recorder.epochs) >= epochs
        dataset = _noise(self._folder, cell)
        began = self._clock()
        train(cell.spec(), dataset, watch, folder=self._folder / "run", attempt=1, options=self._options)
        assert watch.began is not None
        steps = _between([watch.began, *watch.told], watch.trained)
        evaluated = _between(watch.trained, watch.evaluated)
        least = min(evaluated[1:epochs])
        return Timed(
            cell,
            step=min(steps[1:]) / cell.steps,
            evaluated=least,
            epoch=min(_between(watch.evaluated, watch.told)[1:]),
            start=watch.began - began,
            saved=max(0.0, evaluated[epochs] - least) if cell.completes else None,
        )

    def precisions(self) -> dict[str, float]:
        """Return how many times as long a step takes in each precision as in the one that `auto` takes."""
        others = ("fp32", "tf32") if has_bf16_units(self._device) else ("fp32",)
        seconds = {
            precision: self.timed(Cell("resnet18", 64, 64, 8, precision=precision)).step
            for precision in ("auto", *others)
        }
        return {precision: seconds[precision] / seconds["auto"] for precision in others}

    def optimizers(self) -> dict[str, float]:
        """Return the seconds that each costs for one parameter, beyond plain SGD."""
        plain = self._stepped(OptimizerSpec())
        momentum = self._stepped(OptimizerSpec(momentum=0.9))
        adam = self._stepped(OptimizerSpec(name="adam"))
        return {
            "momentum": max(0.0, momentum - plain),
            "adam": max(0.0, adam - plain),
            "average": self._averaged(),
        }

    def _stepped(self, spec: OptimizerSpec) -> float:
        parameter = Parameter(torch.zeros(_STEPPED_PARAMETERS, device=self._device))
        parameter.grad = torch.ones_like(parameter)
        return self._fastest(build_optimizer(spec, [parameter], self._device).step)

    def _averaged(self) -> float:
        layer = torch.nn.Linear(_STEPPED_PARAMETERS // 1000, 1000, bias=False, device=self._device)
        return self._fastest(Average(layer, 0.99).update)

    def _fastest(self, step: Callable[[], Any]) -> float:
        """Return the least seconds of a step for one parameter; the first makes what the others use."""
        seconds = []
        for _ in range(1 + _STEPS):
            began = self._clock()
            step()
            if self._device.type == "cuda":
                torch.cuda.synchronize(self._device)
            seconds.append(self._clock() - began)
        return min(seconds[1:]) / _STEPPED_PARAMETERS


def _noise(folder: Path, cell: Cell) -> Dataset:
    draw = np.random.default_rng(0)
    train_count, test_count = cell.batch_size * cell.steps, cell.batch_size
    halves = [
        (
            draw.integers(0, 256, (count, STORED_PIXELS, STORED_PIXELS, 3), dtype=np.uint8),
            np.arange(count) % CLASSES,
        )
        for count in (train_count, test_count)
    ]
    (images, labels), (test_images, test_labels) = halves
    classes = [str(number) for number in range(CLASSES)]
    return write_dataset(folder, "noise", classes, images, labels, test_images, test_labels)


def _between(begins: Sequence[float], ends: Sequence[float]) -> list[float]:
    return [end - begin for begin, end in zip(begins, ends, strict=False)]


def _steps(timed: Sequence[Timed]) -> list[float]:
    return [one.step for one in timed]


def _evaluated(timed: Sequence[Timed]) -> list[float]:
    return [one.evaluated for one in timed]


def _network_work(timed: Timed) -> Work:
    cell = timed.cell
    return work_of(models()[cell.arch], cell.pixels, cell.batch_size)


def _linear_work(timed: Timed) -> LinearWork:
    cell = timed.cell
    values = 3 * cell.pixels**2
    batch = cell.batch_size * values
    return LinearWork(
        steps=1,
        parameters=CLASSES * (values + 1),
        values=batch,
        resized=batch if cell.pixels != STORED_PIXELS else 0,
        augmented=batch if cell.augment != "none" else 0,
    )


def _evaluated_work(timed: Timed) -> LinearWork:
    """Return what is evaluated: nothing is changed there, and no parameter."""
    work = _linear_work(timed)
    return LinearWork(work.steps, 0, work.values, work.resized)


def fitted(unit: type[Unit], works: Sequence[Unit], seconds: Sequence[float]) -> Unit:
    """Return the seconds of each unit of work, none below 0, that miss the measured ones least, as shares of them."""
    shares = np.array([astuple(work) for work in works], dtype=float) / np.array(seconds)[:, None]
    return unit(*non_negative_solution(shares, np.ones(len(works))))


def non_negative_solution(matrix: np.ndarray, target: np.ndarray) -> list[float]:
    """Return the x of at least 0 with the least squares of matrix x - target.

    Tried with every set of unknowns: there are four or five of them, so that this is soon done.
    """
    scales = np.abs(matrix).max(axis=0)
    usable = [index for index, scale in enumerate(scales) if scale > 0]
    best, least = [0.0] * matrix.shape[1], float((target**2).sum())
    for chosen in range(1, 2 ** len(usable)):
        columns = [index for place, index in enumerate(usable) if chosen >> place & 1]
        scaled = matrix[:, columns] / scales[columns]
        found = np.linalg.lstsq(scaled, target, rcond=None)[0]
        error = float(((scaled @ found - target) ** 2).sum())
        if (found >= 0).all() and error < least - 1e-12:
            least = error
            best = [0.0] * matrix.shape[1]
            for index, value in zip(columns, found / scales[columns], strict=True):
                best[index] = float(value)
    return best


def _of_start(networks: Sequence[Timed]) -> tuple[float, float]:
    """Return the seconds before the first step: at all, and for each parameter of the network."""
    first, *others = (
        networks  # the very first also loads what the others find loaded: as a training's own first does
    )
    sizes = [models()[one.cell.arch].parameters for one in others]
    matrix = np.array([[1.0, size] for size in sizes])
    at_all, parameter = non_negative_solution(matrix, np.array([one.start for one in others]))
    return max(at_all, first.start - parameter * models()[first.cell.arch].parameters), parameter


def _of_saving(networks: Sequence[Timed]) -> float:
    """Return the seconds to write one byte of a checkpoint."""
    saved = next(one for one in networks if one.saved is not None)
    assert saved.saved is not None
    return saved.saved / (4 * models()[saved.cell.arch].parameters)


def _resident_bytes() -> int:
    """Return the memory of this process once it has trained and let go of that, with what it shares with others.

    Not when it has only imported torch: the libraries come into memory as they are used.
    """
    gc.collect()
    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return peak_memory_bytes(torch.device("cpu"))
