"""Data sets as they lie on disk: uint8 arrays, memory-mapped, known by the hash of their content.

A data set is a folder `<name>-<first 12 digits of the hash>` that is made beside its place and renamed
into it, so that nothing half-written is ever found. This module knows no image files (see `worker.importer`).
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backend.durable import sync
from backend.errors import DataProblem

ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
_CHUNK_IMAGES = 4096


@dataclass(frozen=True)
class Dataset:
    """Images are uint8, N x height x width x channels, square; labels are int64 indices into `classes`.

    `mean` and `deviation` are of all training images, one a channel, on the scale 0 to 1.
    `notes` are sentences about how it was made (files left out, sizes changed).
    """

    name: str
    hash: str
    classes: tuple[str, ...]
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    notes: tuple[str, ...] = ()

    @property
    def pixels(self) -> int:
        return self.train_images.shape[1]

    @property
    def channels(self) -> int:
        return self.train_images.shape[3]


def dataset_folder(data_folder: Path, name: str, content_hash: str) -> Path:
    """Return the folder that holds this very content."""
    return data_folder / f"{name}-{content_hash[:12]}"


def open_dataset(folder: Path) -> Dataset:
    """Open a data set without reading its images.

    Raises:
        DataProblem: it is missing, or its files do not fit together.
    """
    try:
        meta = json.loads((folder / "meta.json").read_text("utf-8"))
        # Copy-on-write, never written to: torch warns about arrays that it could not write.
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="c") for name in ARRAYS}
        dataset = Dataset(
            name=meta["name"],
            hash=meta["hash"],
            classes=tuple(meta["classes"]),
            mean=tuple(meta["mean"]),
            deviation=tuple(meta["deviation"]),
            notes=tuple(meta["notes"]),
            **arrays,
        )
    except FileNotFoundError as problem:
        raise DataProblem(f"The data set in {folder} is missing: there is no {problem.filename}.") from None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise DataProblem(f"The data set in {folder} is broken: {problem}.") from None
    _check(dataset)
    return dataset


def write_dataset(
    data_folder: Path,
    name: str,
    classes: Sequence[str],
    train_images: np.ndarray,
    train_labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    notes: Sequence[str] = (),
) -> Dataset:
    """Write the arrays as a data set and open it; one of the same name and content is kept as it is."""
    given = (train_images, train_labels, test_images, test_labels)
    with staging_folder(data_folder) as staging:
        for array_name, array in zip(ARRAYS, given, strict=True):
            np.save(staging / f"{array_name}.npy", array)
        return publish(staging, data_folder, name, classes, notes)


@contextmanager
def staging_folder(data_folder: Path) -> Iterator[Path]:
    """Lend a folder on the same disk as the data sets; what was not published from it is removed."""
    data_folder.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".making-", dir=data_folder))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def publish(
    staging: Path, data_folder: Path, name: str, classes: Sequence[str], notes: Sequence[str] = ()
) -> Dataset:
    """Turn a staging folder that holds the four arrays into a data set."""
    arrays = {array_name: np.load(staging / f"{array_name}.npy", mmap_mode="r") for array_name in ARRAYS}
    mean, deviation = channel_statistics(arrays["train_images"])
    content = content_hash(classes, arrays)
    meta = {
        "name": name,
        "hash": content,
        "classes": list(classes),
        "mean": mean,
        "deviation": deviation,
        "notes": list(notes),
    }
    (staging / "meta.json").write_text(json.dumps(meta, indent=1), "utf-8")
    for path in staging.iterdir():
        sync(path)
    _check(open_dataset(staging))
    folder = dataset_folder(data_folder, name, content)
    if not folder.exists():
        try:
            staging.rename(folder)
        except OSError:
            if not folder.exists():  # else another process has just published the same content
                raise
        sync(data_folder)
    return open_dataset(folder)


def content_hash(classes: Sequence[str], arrays: dict[str, np.ndarray]) -> str:
    """Return the SHA-256 over the classes and, array by array, the name, type, shape and bytes."""
    digest = hashlib.sha256(json.dumps(list(classes)).encode())
    for name in ARRAYS:
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        for start in range(0, len(array), _CHUNK_IMAGES):
            digest.update(np.ascontiguousarray(array[start : start + _CHUNK_IMAGES]).data)
    return digest.hexdigest()


def channel_statistics(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Return mean and deviation of each channel on the scale 0 to 1, from exact counts of the 256 values."""
    counts = np.zeros((images.shape[3], 256), dtype=np.int64)
    for start in range(0, len(images), _CHUNK_IMAGES):
        chunk = images[start : start + _CHUNK_IMAGES]
        for channel in range(images.shape[3]):
            counts[channel] += np.bincount(chunk[..., channel].reshape(-1), minlength=256)
    values = np.arange(256) / 255
    share = counts / counts.sum(axis=1, keepdims=True)
    mean = share @ values
    deviation = np.sqrt((share * (values - mean[:, None]) ** 2).sum(axis=1))
    return mean.tolist(), deviation.tolist()


def _check(dataset: Dataset) -> None:
    for images, labels in (
        (dataset.train_images, dataset.train_labels),
        (dataset.test_images, dataset.test_labels),
    ):
        fits = (
            images.ndim == 4
            and images.dtype == np.uint8
            and images.shape[1:] == (dataset.pixels, dataset.pixels, dataset.channels)
            and dataset.channels in (1, 3)
            and labels.shape == (len(images),)
            and labels.dtype == np.int64
            and len(images) > 0
        )
        if not fits:
            raise DataProblem(
                f"The data set {dataset.name} is broken: images {images.dtype} {images.shape} "
                f"do not fit labels {labels.dtype} {labels.shape}."
            )
