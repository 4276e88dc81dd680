"""Softmax regression on frozen features for ten epochs: the engine's cache against remaking them in each epoch.

`make bench BENCH=benchmarks/features.py`. The yardstick is the loop of the published report: the frozen network sees
every image in every epoch, for training and for testing. Same network, images, order and numbers; ratios of CPU seconds
taken in one run. Goals: at first use at least 9 times, used again at least 100 times.
"""

import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import torch
import torchvision
from torchvision.models import resnet18

sys.path.insert(0, str(Path(__file__).parents[1]))

from torch.nn import functional
from torchvision.models.feature_extraction import create_feature_extractor

from backend.catalog.datasets import SHAPES
from backend.spec import Spec, parse_spec
from worker.engine.batches import epoch_order, resize
from worker.engine.data import Dataset
from worker.engine.generated import ensure_generated
from worker.engine.recorder import MemoryRecorder
from worker.engine.train import TrainOptions, train

EPOCHS, TRAIN_IMAGES, TEST_IMAGES, BATCH = 10, 1000, 200, 32
NODE = "layer4"


def spec(pixels: int) -> Spec:
    return parse_spec(
        {
            "dataset": {
                "name": SHAPES.name,
                "image_size": pixels,
                "train_limit": TRAIN_IMAGES,
                "test_limit": TEST_IMAGES,
            },
            "model": {"arch": "softmax-regression"},
            "features": {"arch": "resnet18", "node": NODE, "pooling": "average"},
            "epochs": EPOCHS,
            "batch_size": BATCH,
        }
    )


def engine_seconds(dataset: Dataset, pixels: int, features_folder: Path, runs: Path) -> float:
    """Return the CPU seconds of one training by the engine."""
    began = time.process_time()
    train(
        spec(pixels),
        dataset,
        MemoryRecorder(),
        folder=runs,
        attempt=1,
        features_folder=features_folder,
        options=TrainOptions(device="cpu", threads=1),
    )
    return time.process_time() - began


def yardstick_seconds(dataset: Dataset, pixels: int) -> float:
    """Return the CPU seconds of the plain loop: each batch goes through the frozen network in each epoch."""
    began = time.process_time()
    torch.manual_seed(0)
    network = create_feature_extractor(resnet18(weights=None).eval(), {NODE: "out"})
    head = torch.nn.Linear(512, len(dataset.classes))
    optimizer = torch.optim.SGD(head.parameters(), lr=0.05)

    def vectors(images_NHWC: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            images_NCHW = resize(images_NHWC.permute(0, 3, 1, 2), pixels).float() / 255
            return network(images_NCHW)["out"].mean(dim=(2, 3))

    train_images = torch.from_numpy(dataset.train_images[:TRAIN_IMAGES])
    train_labels = torch.from_numpy(dataset.train_labels[:TRAIN_IMAGES])
    test_images = torch.from_numpy(dataset.test_images[:TEST_IMAGES])
    for epoch in range(1, EPOCHS + 1):
        for picked in epoch_order(TRAIN_IMAGES, 0, epoch).split(BATCH):
            loss = functional.cross_entropy(head(vectors(train_images[picked])), train_labels[picked])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        for picked in torch.arange(TEST_IMAGES).split(BATCH):
            head(vectors(test_images[picked]))
    return time.process_time() - began


def main() -> None:
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, torchvision {torchvision.__version__}, "
        f"{os.cpu_count()} cores, {platform.machine()}, one thread"
    )
    print(
        f"{TRAIN_IMAGES:,} training and {TEST_IMAGES} test images, {EPOCHS} epochs, ResNet-18 at {NODE}, CPU seconds"
    )
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        dataset = ensure_generated(home / "data", SHAPES.name)
        for pixels in (32, 64):
            plain = yardstick_seconds(dataset, pixels)
            made = engine_seconds(dataset, pixels, home / "features", home / "a")
            found = engine_seconds(dataset, pixels, home / "features", home / "b")
            print(
                f"{pixels} px: remade each epoch {plain:7.2f} s   first use {made:6.2f} s ({plain / made:5.1f} times, goal 9)"
                f"   again {found:5.2f} s ({plain / found:6.1f} times, goal 100)"
            )


if __name__ == "__main__":
    main()
