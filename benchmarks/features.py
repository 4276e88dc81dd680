"""Softmax regression on frozen features for ten epochs: the engine's cache against remaking them in each epoch.

`make bench BENCH=benchmarks/features.py`; `training.py` shows the same row. In the yardstick, as in the published report,
the frozen network sees every image in every epoch, for training and for testing. Same network, images, order and numbers.
"""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the worker does, for both

import torch

from backend.catalog.datasets import SHAPES
from backend.spec import Spec, parse_spec
from benchmarks import yardstick
from benchmarks.goals import Goals
from benchmarks.measuring import Clock, Table, machine
from worker.engine.data import Dataset
from worker.engine.generated import ensure_generated
from worker.engine.recorder import MemoryRecorder
from worker.engine.train import TrainOptions, train

EPOCHS, TRAIN_IMAGES, TEST_IMAGES, BATCH = 10, 1000, 200, 32
NODE = "layer4"
COLUMNS = ("row", "remade s", "first use s", "ratio", "again s", "ratio")


def spec_for(name: str, pixels: int, train_images: int) -> Spec:
    return parse_spec(
        {
            "dataset": {
                "name": name,
                "image_size": pixels,
                "train_limit": train_images,
                "test_limit": TEST_IMAGES,
            },
            "model": {"arch": "softmax-regression"},
            "features": {"arch": "resnet18", "node": NODE, "pooling": "average"},
            "epochs": EPOCHS,
            "batch_size": BATCH,
        }
    )


def measure(
    table: Table, goals: Goals, dataset: Dataset, home: Path, pixels: int, train_images: int = TRAIN_IMAGES
) -> None:
    """Print one row and judge it; one thread for all. `home` is where features and checkpoints go."""
    device = torch.device("cpu")
    clock, spec = Clock(device), spec_for(dataset.name, pixels, train_images)
    torch.set_num_threads(1)

    def engine() -> None:
        options = TrainOptions(device="cpu", threads=1)
        runs, features = home / "runs", home / "features"
        train(
            spec, dataset, MemoryRecorder(), folder=runs, attempt=1, features_folder=features, options=options
        )

    remade = clock.cost(lambda: yardstick.train(spec, dataset, device))
    made, found = clock.cost(engine), clock.cost(engine)
    table.row(
        f"{EPOCHS} epochs on ResNet-18's {NODE}, {train_images:,} of {pixels} px",
        f"{remade:.2f}",
        f"{made:.2f}",
        f"{remade / made:.1f}",
        f"{found:.2f}",
        f"{remade / found:.0f}",
    )
    goals.at_least(f"features-{pixels}px-first-use", remade / made, 9, "x")
    goals.at_least(f"features-{pixels}px-again", remade / found, 100, "x")


def main() -> None:
    goals, device = Goals(), torch.device("cpu")
    torch.set_num_threads(1)
    print(f"{machine(device)}; {Clock(device).unit}")
    table = Table(*COLUMNS)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        dataset = ensure_generated(home / "data", SHAPES.name)
        for pixels in (32, 64):
            measure(table, goals, dataset, home, pixels)
    goals.end()


if __name__ == "__main__":
    main()
