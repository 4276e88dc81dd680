"""The seven experiments of the report at 224 px on all images, each beside the published values and the yardstick."""

import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

from backend.catalog.models import SOFTMAX_REGRESSION
from backend.catalog.presets import preset
from backend.catalog.references import PublishedTable, published_tables
from backend.spec import Spec
from benchmarks.measuring import Clock, Pace, Table, peak_flops, training_flops
from benchmarks.side_by_side import SideBySide
from worker.engine.recorder import MemoryRecorder
from worker.engine.weights import StartingWeights, sha256_after

COLUMNS = (
    "experiment",
    "s an epoch",
    "yardstick images/s",
    "engine images/s",
    "ratio",
    "share of peak",
    "test acc",
    "published",
)
PARENT = "resnet18-fine-tuned"
REPORTS_IMAGES = 50_000
LOADER_WORKERS = (0, 2, 4, 8, 16)
DTYPES = {"bf16": torch.bfloat16}


@dataclass(frozen=True)
class Trained:
    """What the engine made of one experiment. `images_per_second` is of the training alone, but for features: of the whole."""

    spec: Spec
    recorder: MemoryRecorder
    weights: StartingWeights | None
    images_per_second: float


def measure(bench: SideBySide, weights_folder: Path | None, epochs: int | None) -> None:
    """Print a row for each experiment and judge those that have a goal.

    `weights_folder` may hold ARCH.safetensors for those that the report fine-tunes; they begin at random otherwise.
    """
    # Before the engine has set anything in this process: the yardstick is plain torch.
    specs = {name: _spec(bench, name, weights_folder, epochs) for name in published_tables()}
    workers = _best_count_of_workers(bench, specs[PARENT])
    print(f"  the yardstick's best count of loader workers: {workers}")
    paces = {name: _yardstick_pace(bench, spec, workers) for name, spec in specs.items()}
    table = Table(*COLUMNS)
    parent: StartingWeights | None = None
    for name, spec in specs.items():
        weights = parent if spec.features else _given(weights_folder, spec.model.arch)
        trained = _trained(bench, spec, weights)
        if name == PARENT:
            parent = _last_checkpoint(bench, trained.recorder)
        _tell(bench, table, published_tables()[name], trained, paces[name])


def _clock(bench: SideBySide) -> Clock:
    # The engine tells its own pace, in walls.
    return Clock(bench.device, walls=True)


def _spec(bench: SideBySide, name: str, weights_folder: Path | None, epochs: int | None) -> Spec:
    """Return the published spec on these images, from what there is to start with."""
    changes: dict[str, Any] = {"dataset": {"name": bench.dataset.name}}
    if epochs or bench.quick:
        changes["epochs"] = epochs or 1
    if bench.quick:
        changes["dataset"] |= {"train_limit": 48, "test_limit": 16, "image_size": 64}
        changes["batch_size"] = 16
    spec = preset(name).spec("published", changes)
    fine_tuned = not spec.features and spec.model.weights.source != "none"
    if fine_tuned:
        given = _given(weights_folder, spec.model.arch)
        start = {"source": "file", "name": spec.model.arch} if given else {"source": "none"}
        spec = preset(name).spec("published", {**changes, "model": {"weights": start}})
    return spec


def _given(folder: Path | None, arch: str) -> StartingWeights | None:
    path = folder and folder / f"{arch}.safetensors"
    return _weights(path, "file") if path and path.exists() else None


def _weights(path: Path, source: str) -> StartingWeights:
    return StartingWeights(path, sha256_after(path)[0], source, f"the file {path.name}")


def _last_checkpoint(bench: SideBySide, recorder: MemoryRecorder) -> StartingWeights:
    pointer = recorder.pointer()
    assert pointer
    kept = bench.home / f"{PARENT}.safetensors"
    (bench.home / "runs" / f"{pointer.name}.safetensors").rename(kept)
    return _weights(kept, "parent")


def _best_count_of_workers(bench: SideBySide, spec: Spec) -> int:
    most = min(os.cpu_count() or 1, bench.of(16, 2))
    paces = {workers: _yardstick_pace(bench, spec, workers) for workers in LOADER_WORKERS if workers <= most}
    for workers, pace in paces.items():
        print(f"  yardstick, {spec.model.arch}, {workers:2} loader workers: {pace:,.0f} images/s")
    return max(paces, key=lambda workers: paces[workers])


def _yardstick_pace(bench: SideBySide, spec: Spec, workers: int) -> float:
    # Some batches lie ready when the first is taken, two for each loader worker: they are not timed.
    skipped, timed = bench.of(2 * workers + 4, 1), bench.of(20, 2)
    pace = Pace(_clock(bench), skipped=skipped, timed=timed)
    # Its speed does not depend on its start; features are made of a random network.
    bench.yardstick(_from_random(spec), loader_workers=workers, after_batch=pace)
    return spec.batch_size * timed / pace.seconds


def _from_random(spec: Spec) -> Spec:
    holder = "features" if spec.features else "model"
    table = spec.model_dump()
    table[holder]["weights"] = {"source": "none"}
    return Spec.model_validate(table)


def _trained(bench: SideBySide, spec: Spec, weights: StartingWeights | None) -> Trained:
    recorder = MemoryRecorder()
    seconds = _clock(bench).cost(lambda: bench.engine(spec, recorder, weights))
    if spec.features:
        count = spec.dataset.train_limit or len(bench.dataset.train_labels)
        return Trained(spec, recorder, weights, spec.epochs * count / seconds)
    # The first epoch chooses kernels and compiles.
    return Trained(spec, recorder, weights, median(_steady(recorder, "images_per_second")))


def _steady(recorder: MemoryRecorder, metric: str) -> list[float]:
    series = recorder.series(metric)
    return series[1:] or series


def _tell(
    bench: SideBySide, table: Table, published: PublishedTable, trained: Trained, yardstick_pace: float
) -> None:
    spec, recorder, pace = trained.spec, trained.recorder, trained.images_per_second
    share = "-"
    if spec.model.arch != SOFTMAX_REGRESSION:
        peak = peak_flops(
            _clock(bench), bench.device, DTYPES.get(recorder.facts["precision"]["used"], torch.float32)
        )
        pixels = spec.dataset.image_size or bench.dataset.pixels
        share = f"{pace * training_flops(spec.model.arch, pixels) / peak:.0%}"
    start = (
        "" if trained.weights or published.experiment.endswith(("scratch", "original")) else ", random start"
    )
    table.row(
        f"{published.experiment}{start}",
        f"{median(_steady(recorder, 'epoch_seconds')):.2f}",
        f"{yardstick_pace:,.0f}",
        f"{pace:,.0f}",
        f"{pace / yardstick_pace:.1f}",
        share,
        f"{recorder.series('test_acc')[-1]:.3f}",
        _number(published.last("test_acc")),
    )
    if published.experiment == PARENT:
        _judge(bench, pace, yardstick_pace)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _judge(bench: SideBySide, pace: float, yardstick_pace: float) -> None:
    if bench.device.type != "cuda":
        unshown(bench)
        return
    bench.goals.at_least("resnet18-224px-gpu", pace / yardstick_pace, 5, "x")
    seconds = REPORTS_IMAGES / pace
    if _is_h100(bench.device):
        bench.goals.at_most("resnet18-224px-h100-epoch", seconds, 2.5, "s")
    else:
        bench.goals.unshown("resnet18-224px-h100-epoch", "<=2.5s", f"{seconds:.2g} s on what is no H100")


def unshown(bench: SideBySide) -> None:
    """Say what this device, or a run without the experiments, does not show."""
    on_gpu = bench.device.type == "cuda"
    not_run = "the row was not run"
    bench.goals.unshown("resnet18-224px-gpu", ">=5x", not_run if on_gpu else "measured on a CPU")
    reason = "measured on a CPU" if not on_gpu else not_run if _is_h100(bench.device) else "this is no H100"
    bench.goals.unshown("resnet18-224px-h100-epoch", "<=2.5s", reason)


def _is_h100(device: torch.device) -> bool:
    return device.type == "cuda" and "H100" in torch.cuda.get_device_name(device)
