"""From a spec with features to vectors: found on the disk, made for it, or remade in each epoch where there is no room."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from torch import Tensor

from backend.spec import FeaturesSpec, Spec
from worker.engine.batch_source import BatchSource, Part
from worker.engine.batches import both_halves, subset, validation_split
from worker.engine.data import Dataset
from worker.engine.feature_cache import Entry, FeatureCache, NoRoom, as_size, key_of
from worker.engine.features import (
    BATCH_IMAGES,
    VERSION,
    Extractor,
    RemadeVectors,
    RunningStatistics,
    Standardization,
    Statistics,
    StoredVectors,
    write_array,
    write_header,
)
from worker.engine.models import build_frozen
from worker.engine.recorder import Recorder, Stopped
from worker.engine.weights import StartingWeights

_RGB = 3
_FLOAT_BYTES = 4
_DOUBLE_BYTES = 8


@dataclass(frozen=True)
class Features:
    """Both halves of a data set as vectors. `close` lets go of what lies on the disk."""

    train: BatchSource
    validation: BatchSource | None
    """A part of the training vectors, whose mean and deviation standardise it too; None where none is kept back."""
    test: BatchSource
    dimension: int
    facts: dict[str, Any]
    line: str
    """For the log: where they come from."""
    close: Callable[[], None]

    @property
    def are_remade(self) -> bool:
        return self.facts["origin"] == "remade each epoch"


def obtain_features(
    spec: Spec,
    dataset: Dataset,
    recorder: Recorder,
    *,
    weights: StartingWeights | None,
    folder: Path | None,
    quota_bytes: int,
    device: torch.device,
) -> Features:
    """Return the features that `spec` asks for, kept in `folder` if there is one and they fit.

    Raises:
        InvalidSpec: there is no such node, or it holds no values of each image.
        Stopped: the recorder said so while they were made or waited for.
    """
    maker = _Maker(spec, dataset, recorder, weights, device)
    if folder is None:
        return maker.remade("there is no folder to keep them in")
    try:
        entry = FeatureCache(folder, quota_bytes).obtain(
            maker.key, wanted_bytes=maker.wanted_bytes, make=maker.make, wait=maker.wait
        )
    except NoRoom as problem:
        return maker.remade(str(problem))
    return maker.stored(entry)


def ingredients(
    spec: Spec, dataset: Dataset, weights: StartingWeights | None, device: torch.device
) -> dict[str, Any]:
    """Return all that decides the numbers; whoever standardises shares the vectors with those who do not."""
    features, data = _features(spec), spec.dataset
    return {
        "arch": features.arch,
        "weights": weights.sha256 if weights else f"random:{spec.seed}",
        "data": dataset.hash,
        "train": _count(dataset.train_labels, data.train_limit),
        "test": _count(dataset.test_labels, data.test_limit),
        "pixels": data.image_size or dataset.pixels,
        "normalize": data.normalize,
        "node": features.node,
        "pooling": features.pooling,
        "dtype": "float32",
        "version": VERSION,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "device": device.type,
        # On a CPU 32-bit floats are just that.
        **({"tf32": torch.backends.cudnn.allow_tf32} if device.type == "cuda" else {}),
    }


class _Maker:
    """Makes features, and the frozen network only where it is needed: what is found needs none."""

    def __init__(
        self,
        spec: Spec,
        dataset: Dataset,
        recorder: Recorder,
        weights: StartingWeights | None,
        device: torch.device,
    ) -> None:
        self._spec = spec
        self._features = _features(spec)
        self._dataset = dataset
        self._recorder = recorder
        self._weights = weights
        self._device = device
        self._ingredients = ingredients(spec, dataset, weights, device)
        self._began = time.perf_counter()
        self._train_images: BatchSource
        self._test_images: BatchSource
        self._extractor: Extractor | None = None
        self.key = key_of(self._ingredients)

    # What the cache calls.

    def wanted_bytes(self) -> int:
        dimension = self._built().dimension
        rows = self._ingredients["train"] + self._ingredients["test"]
        return rows * dimension * _FLOAT_BYTES + 2 * dimension * _DOUBLE_BYTES

    def make(self, folder: Path) -> dict[str, Any]:
        began = time.perf_counter()
        extractor = self._built()
        statistics = RunningStatistics()
        halves = (("train", self._train_images, [statistics.add]), ("test", self._test_images, []))
        done = 0
        for name, images, readers in halves:
            with (folder / f"{name}.npy").open("wb") as file:
                write_header(file, (len(images), extractor.dimension))
                for vectors_BD in self._passed(images, done):
                    for read in readers:
                        read(vectors_BD)
                    file.write(vectors_BD.cpu().numpy().data)
            done += len(images)
        found = statistics.result()
        write_array(folder / "mean.npy", found.mean)
        write_array(folder / "deviation.npy", found.deviation)
        return {
            "made_of": self._ingredients,
            "shape": extractor.shape,
            "seconds": round(time.perf_counter() - began, 3),
            "threads": torch.get_num_threads(),  # the last bits of a sum depend on them
        }

    def wait(self) -> None:
        self._go_on()
        self._recorder.preparing("waiting for features that another run makes", 0, 0)

    # What comes of it.

    def stored(self, entry: Entry) -> Features:
        """Return vectors that lie on the disk."""
        statistics = Statistics(np.asarray(entry.mean), np.asarray(entry.deviation))
        standardization = self._standardization(statistics)
        spec, data = self._spec, self._dataset
        train, test = (
            StoredVectors(
                vectors_ND,
                _labels(labels_N, limit),
                standardization=standardization,
                largest_batch=largest_batch,
                device=self._device,
            )
            for vectors_ND, labels_N, limit, largest_batch in (
                (entry.train, data.train_labels, spec.dataset.train_limit, self._largest_train_batch()),
                (entry.test, data.test_labels, spec.dataset.test_limit, spec.eval_batch_size),
            )
        )
        count, dimension = entry.train.shape
        seconds, size = entry.facts["seconds"], as_size(entry.bytes)
        how = (
            f"made in {seconds:.1f} s, {count:,} x {dimension:,}, {size}"
            if entry.made
            else f"found, {count:,} x {dimension:,}, made earlier in {seconds:.1f} s, {size}"
        )
        origin = "made" if entry.made else "found"
        facts = self._facts(origin, tuple(entry.facts["shape"]), dimension, entry.bytes, statistics)
        facts["threads"] = entry.facts["threads"]
        line = f"features {self._features.node}: {how}"
        train, validation = self._parted(train)
        return Features(train, validation, test, dimension, facts, line, entry.close)

    def remade(self, why: str) -> Features:
        """Return vectors that are made at each batch, after one pass over the training images for their statistics."""
        extractor = self._built()
        running = RunningStatistics()
        for vectors_BD in self._passed(self._train_images, 0):
            running.add(vectors_BD)
        statistics = running.result()
        train = RemadeVectors(extractor, self._train_images, largest_batch=self._largest_train_batch())
        test = RemadeVectors(extractor, self._test_images, largest_batch=self._spec.eval_batch_size)
        train.standardization = test.standardization = self._standardization(statistics)
        facts = self._facts("remade each epoch", extractor.shape, extractor.dimension, 0, statistics)
        facts["threads"] = torch.get_num_threads()
        line = f"features {self._features.node}: {why}: remade each epoch"
        kept, validation = self._parted(train)
        return Features(kept, validation, test, extractor.dimension, facts, line, lambda: None)

    def _largest_train_batch(self) -> int:
        spec = self._spec
        return max(spec.batch_size, spec.eval_batch_size) if spec.dataset.validation else spec.batch_size

    def _parted(self, train: BatchSource) -> tuple[BatchSource, BatchSource | None]:
        """Return what is trained on and what is validated on."""
        data = self._spec.dataset
        if not data.validation:
            return train, None
        labels_N = _labels(self._dataset.train_labels, data.train_limit).numpy()
        train_N, validation_N = validation_split(labels_N, data.validation)
        return Part(train, train_N), Part(train, validation_N)

    def _built(self) -> Extractor:
        if self._extractor is None:
            network = build_frozen(self._features.arch, self._weights, self._spec.seed)
            network.to(self._device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - its stubs miss this form
            batch = BATCH_IMAGES[self._device.type]
            images = both_halves(
                self._dataset,
                self._spec.dataset,
                channels=_RGB,
                batch_size=batch,
                eval_batch_size=batch,
                channels_last=True,
                device=self._device,
                keep_back=False,
            )
            self._train_images, self._test_images = images.train, images.test
            self._extractor = Extractor(network, self._features, self._train_images)
        return self._extractor

    def _passed(self, images: BatchSource, done: int) -> Iterator[Tensor]:
        """Yield the vectors of all images in their order, and tell how many are `done` in all."""
        extractor = self._built()
        total = self._ingredients["train"] + self._ingredients["test"]
        for picked_B in torch.arange(len(images)).split(BATCH_IMAGES[self._device.type]):
            self._go_on()
            self._recorder.preparing("making features", done, total)
            yield extractor.vectors(images.batch(picked_B)[0])
            done += len(picked_B)

    def _go_on(self) -> None:
        if self._recorder.should_stop():
            raise Stopped

    def _standardization(self, statistics: Statistics) -> Standardization | None:
        return Standardization(statistics, self._device) if self._features.standardize else None

    def _facts(
        self, origin: str, shape: tuple[int, ...], dimension: int, size: int, statistics: Statistics
    ) -> dict[str, Any]:
        norm = statistics.mean_square_norm(standardized=self._features.standardize)
        return {
            "origin": origin,
            "arch": self._features.arch,
            "node": self._features.node,
            "shape": list(shape),
            "dimension": dimension,
            "bytes": size,
            "seconds": round(time.perf_counter() - self._began, 3),  # of this run, waiting included
            "key": self.key,
            "mean_square_norm": norm if math.isfinite(norm) else None,
        }


def _features(spec: Spec) -> FeaturesSpec:
    assert spec.features
    return spec.features


def _count(labels_N: np.ndarray, limit: int | None) -> int:
    return min(limit or len(labels_N), len(labels_N))


def _labels(labels_N: np.ndarray, limit: int | None) -> Tensor:
    chosen_N = subset(labels_N, limit)
    labels = torch.from_numpy(np.ascontiguousarray(labels_N))
    return labels if chosen_N is None else labels[chosen_N]
