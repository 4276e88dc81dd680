"""Trainings that take a fraction of a second: few and small shapes, a network with dropout."""

from pathlib import Path
from typing import Any

import numpy as np

from backend.catalog.datasets import SHAPES
from backend.catalog.presets import merged
from backend.spec import Spec, parse_spec
from worker.engine.checkpoint import CheckpointPointer
from worker.engine.data import Dataset, write_dataset
from worker.engine.generated import balanced_labels, draw
from worker.engine.recorder import MemoryRecorder
from worker.engine.train import Outcome, TrainOptions, train
from worker.engine.weights import StartingWeights

# One thread: two on a busy machine wait for each other longer than these trainings take.
OPTIONS = TrainOptions(device="cpu", checkpoint_seconds=0, threads=1)


def tiny_dataset(
    folder: Path, *, pixels: int = 12, train: int = 160, test: int = 40, grey: bool = False
) -> Dataset:
    train_labels, test_labels = balanced_labels(train), balanced_labels(test)
    images = [draw(labels, pixels, seed) for seed, labels in enumerate((train_labels, test_labels))]
    if grey:
        images = [one.mean(axis=3, keepdims=True).astype(np.uint8) for one in images]
    return write_dataset(folder, "tiny", SHAPES.classes, images[0], train_labels, images[1], test_labels)


def tiny_spec(**changes: Any) -> Spec:
    base = {
        "dataset": {"name": "tiny"},
        "model": {"arch": "softmax-regression"},
        "optimizer": {"lr": 0.05},
        "epochs": 3,
        "batch_size": 32,
    }
    return parse_spec(merged(base, changes))


def trained(
    spec: Spec,
    dataset: Dataset,
    folder: Path,
    *,
    recorder: MemoryRecorder | None = None,
    attempt: int = 1,
    resume: CheckpointPointer | None = None,
    weights: StartingWeights | None = None,
    features_folder: Path | None = None,
    options: TrainOptions = OPTIONS,
) -> tuple[Outcome, MemoryRecorder]:
    recorder = recorder or MemoryRecorder()
    outcome = train(
        spec,
        dataset,
        recorder,
        folder=folder,
        attempt=attempt,
        resume=resume,
        weights=weights,
        features_folder=features_folder,
        options=options,
    )
    return outcome, recorder
