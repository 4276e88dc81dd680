"""Training: the report's kind of loop (`yardstick.py`) against the engine, side by side.

`make bench BENCH=benchmarks/training.py`, or from a bare checkout, with torch, torchvision and pydantic alone:

    python benchmarks/training.py [--device cpu|cuda] [--data PATH] [--weights FOLDER] [--rows ROW ...] [--quick]

Same model, first weights, images, order, batch size and device, both in this process. On a CPU the costs are CPU seconds,
and all rows take some six minutes on two cores; on a GPU they are walls, and the seven experiments of the report run as
published. `--data` names class folders, an archive of them or an imported set; images are generated otherwise. `--weights`
holds what the fine-tuned experiments begin with, as ARCH.safetensors. `--quick` tries every row in small and judges none.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the worker does, for both

from backend.catalog.datasets import SHAPES
from benchmarks import experiments, features, training_rows
from benchmarks.goals import Goals
from benchmarks.measuring import Table, machine
from benchmarks.side_by_side import SideBySide
from worker.engine.data import Dataset, open_dataset
from worker.engine.device import choose_device
from worker.engine.generated import ensure_generated
from worker.importer import import_dataset

ON_CPU = ("softmax", "curve", "images-in", "convolutions", "features")
ON_GPU = ("experiments", "softmax", "curve")
"""The experiments first: the engine sets torch's flags for the whole process, and the yardstick is to be plain torch."""
ROWS = (*ON_CPU, "experiments")


def main() -> None:
    asked = _arguments()
    device = choose_device(asked.device)
    goals = Goals("--quick measures too little" if asked.quick else "")
    print(machine(device), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        dataset = _dataset(asked.data, home / "data")
        bench = SideBySide(device, dataset, home, goals, asked.quick)
        print(
            f"{dataset.name}: {len(dataset.train_labels):,} and {len(dataset.test_labels):,} images; {bench.clock.unit}\n"
        )
        rows: dict[str, Callable[[], None]] = {
            "softmax": lambda: training_rows.softmax(bench),
            "curve": lambda: training_rows.curve(bench),
            "images-in": lambda: training_rows.images_in(bench),
            "convolutions": lambda: training_rows.convolutions(bench),
            "features": lambda: _features(bench),
            "experiments": lambda: experiments.measure(bench, asked.weights, asked.epochs),
        }
        on_gpu = device.type == "cuda"
        usual = ROWS if asked.quick else ON_GPU if on_gpu else ON_CPU
        chosen = asked.rows or usual
        for row in chosen:
            rows[row]()
        if "experiments" not in chosen:
            experiments.unshown(bench)
    goals.end()


def _features(bench: SideBySide) -> None:
    count = bench.of(features.TRAIN_IMAGES, 100)
    features.measure(Table(*features.COLUMNS), bench.goals, bench.dataset, bench.home, 32, count)


def _dataset(path: Path | None, data_folder: Path) -> Dataset:
    if path is None:
        return ensure_generated(data_folder, SHAPES.name)
    if (path / "meta.json").exists():
        return open_dataset(path)
    return import_dataset("given", path, data_folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--epochs", type=int, help="of the experiments, in place of the published ten")
    parser.add_argument("--rows", nargs="+", choices=ROWS)
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
