"""Import images from class folders, or an archive of them, into a data set that runs can train on.

Two passes: the first reads the source once, front to back, keeps the files as they are in one temporary file and
looks at their headers; the second decodes them, when counts, size and channels are known, into the arrays.
"""

import io
import mmap
import shutil
import struct
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image

from backend.catalog.datasets import check_importable_name
from backend.errors import DataProblem
from worker.archives import read_files
from worker.engine.batches import resize
from worker.engine.data import Dataset, dataset_folder, publish, staging_folder
from worker.jpeg import decoded_together

__all__ = ["dataset_folder", "import_dataset"]

Progress = Callable[[int, int], None]
"""Told (images done, images in all); 0 in all while the source is read and the number not known yet."""

SPLITS = ("train", "test")
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")

MAX_IMAGE_PIXELS = 64_000_000
"""Width times height; a larger one is a bomb, or no training image: 8,000 x 8,000."""

MAX_SIDE_PIXELS = 1024
"""Side of a stored image; the largest that `dataset.image_size` allows."""

_GREY_MODES = ("1", "L", "LA", "I;16")
_BROKEN = (
    OSError,
    ValueError,
    TypeError,
    SyntaxError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
_TELL_EVERY = 500
_CHUNK_IMAGES = 64
_CHUNKS_AT_ONCE = 16
_MOST_PIXELS_TOGETHER = 16_000_000
"""Photographs from a camera are decoded one by one: a chunk of them would not fit into memory."""


@dataclass(frozen=True)
class _Entry:
    """One image: where it belongs, and where its file lies in the temporary file."""

    split: str
    label: str
    name: str
    start: int
    length: int
    size: tuple[int, int]
    mode: str
    """PIL's, with the format before it: "JPEG RGB"."""

    @property
    def grey(self) -> bool:
        return self.mode.partition(" ")[2] in _GREY_MODES


def import_dataset(
    name: str,
    path: Path,
    data_folder: Path,
    progress: Progress = lambda done, total: None,
    *,
    pixels: int | None = None,
) -> Dataset:
    """Import `train/<class>/*` and `test/<class>/*` of a folder or an archive, one leading folder allowed.

    Images are stored as squares of `pixels`, else of the most frequent size (its shorter side); others are
    resized to it. They are ordered by class and name, so that a folder and an archive of it are the same data.

    Raises:
        DataProblem: one sentence; nothing is left behind.
        InvalidSpec: `name` cannot be a data set's name.
    """
    check_importable_name(name)
    with staging_folder(data_folder) as staging, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        files = staging / "files"
        entries, ignored = _collect(path, files, progress)
        classes = _classes(path, entries)
        side = pixels or _usual_side(entries)
        grey = all(entry.grey for entry in entries)
        _refuse_a_full_disk(data_folder, len(entries) * side * side * (1 if grey else 3))
        _decode_all(staging, files, entries, classes, side, grey, progress)
        files.unlink()
        return publish(staging, data_folder, name, classes, _notes(entries, side, ignored))


def _collect(path: Path, files: Path, progress: Progress) -> tuple[list[_Entry], int]:
    """Return the images in the order they are stored in, and how many other files were left out."""
    entries: list[_Entry] = []
    leading: set[tuple[str, ...]] = set()
    ignored = 0
    with files.open("wb") as spool:
        for name, content in read_files(path):
            place = _place(name)
            if place is None or name.suffix.lower() not in SUFFIXES or name.name.startswith("."):
                ignored += 1
                continue
            lead, split, label = place
            leading.add(lead)
            size, mode = _header(name, content)
            entries.append(_Entry(split, label, str(name), spool.tell(), len(content), size, mode))
            spool.write(content)
            if len(entries) % _TELL_EVERY == 0:
                progress(len(entries), 0)
    if not entries:
        raise DataProblem(f"{path.name} holds no images under train/<class>/ and test/<class>/.")
    if len(leading) > 1:
        found = " and ".join(sorted("/".join(lead) or "the top" for lead in leading))
        raise DataProblem(
            f"{path.name} holds train and test folders at several places ({found}); there must be one."
        )
    entries.sort(key=attrgetter("split", "label", "name"))
    for before, after in pairwise(entries):
        if before.name == after.name:
            raise DataProblem(f"{path.name} holds {after.name} twice.")
    return entries, ignored


def _place(name: PurePosixPath) -> tuple[tuple[str, ...], str, str] | None:
    """Return (leading folder, split, class) of a file, None where it is not in a class folder."""
    parts = name.parts
    for depth in (0, 1):
        if len(parts) >= depth + 3 and parts[depth] in SPLITS:
            return parts[:depth], parts[depth], parts[depth + 1]
    return None


def _header(name: PurePosixPath, content: bytes) -> tuple[tuple[int, int], str]:
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
            mode = f"{image.format} {image.mode}"
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataProblem(f"{name} has over {MAX_IMAGE_PIXELS:,} pixels; no image may have more.") from None
    except _BROKEN:
        raise DataProblem(f"{name} is broken, or no image.") from None
    if width * height > MAX_IMAGE_PIXELS:
        raise DataProblem(
            f"{name} has {width} x {height} pixels; at most {MAX_IMAGE_PIXELS:,} in all are allowed."
        )
    return (width, height), mode


def _classes(path: Path, entries: list[_Entry]) -> list[str]:
    train, test = ({entry.label for entry in entries if entry.split == split} for split in SPLITS)
    for split, found in (("train", train), ("test", test)):
        if not found:
            raise DataProblem(f"{path.name} holds no images under {split}/<class>/.")
    if train != test:
        odd = sorted(train ^ test)
        where = "train" if odd[0] in train else "test"
        raise DataProblem(
            f"The classes of train and test differ: '{odd[0]}' is in {where} only ({len(odd)} such in all)."
        )
    if len(train) < 2:
        raise DataProblem(
            f"{path.name} holds images of one class, '{min(train)}'; there must be at least two."
        )
    return sorted(train)


def _usual_side(entries: list[_Entry]) -> int:
    (size, _), *_ = Counter(entry.size for entry in entries).most_common(1)
    return min(*size, MAX_SIDE_PIXELS)


def _refuse_a_full_disk(data_folder: Path, wanted_bytes: int) -> None:
    free_bytes = shutil.disk_usage(data_folder).free
    if wanted_bytes > free_bytes:
        raise DataProblem(
            f"The images take {wanted_bytes / 1024**3:.1f} GiB, and {data_folder} has {free_bytes / 1024**3:.1f} GiB "
            "left; store them smaller or free some."
        )


def _decode_all(
    staging: Path,
    files: Path,
    entries: list[_Entry],
    classes: list[str],
    side: int,
    grey: bool,
    progress: Progress,
) -> None:
    index = {label: number for number, label in enumerate(classes)}
    done = 0
    with files.open("rb") as spool, mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for split in SPLITS:
            own = [entry for entry in entries if entry.split == split]
            np.save(
                staging / f"{split}_labels.npy", np.array([index[one.label] for one in own], dtype=np.int64)
            )
            images = np.lib.format.open_memmap(
                staging / f"{split}_images.npy", "w+", np.uint8, (len(own), side, side, 1 if grey else 3)
            )
            for position, image in enumerate(_decoded(own, content, side, grey)):
                images[position] = image
                done += 1
                if done % _TELL_EVERY == 0 or done == len(entries):
                    progress(done, len(entries))
            images.flush()


def _decoded(entries: list[_Entry], content: mmap.mmap, side: int, grey: bool) -> Iterator[np.ndarray]:
    # Threads, as images are decoded outside of Python's lock; not all at once, as `map` would queue every image there is.
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(entries), _CHUNK_IMAGES * _CHUNKS_AT_ONCE):
            some = entries[start : start + _CHUNK_IMAGES * _CHUNKS_AT_ONCE]
            chunks = [some[first : first + _CHUNK_IMAGES] for first in range(0, len(some), _CHUNK_IMAGES)]
            for images in pool.map(lambda chunk: _decode_chunk(chunk, content, side, grey), chunks):
                yield from images


def _decode_chunk(entries: list[_Entry], content: mmap.mmap, side: int, grey: bool) -> list[np.ndarray]:
    together = None
    pixels = sum(width * height for width, height in (entry.size for entry in entries))
    if not grey and pixels <= _MOST_PIXELS_TOGETHER and all(entry.mode == "JPEG RGB" for entry in entries):
        together = decoded_together([content[one.start : one.start + one.length] for one in entries])
    if together is None:
        return [_decode(entry, content, side, grey) for entry in entries]
    return [_as_square(image_HWC, side) for image_HWC in together]


def _decode(entry: _Entry, content: mmap.mmap, side: int, grey: bool) -> np.ndarray:
    file = io.BytesIO(content[entry.start : entry.start + entry.length])
    try:
        with Image.open(file, formats=FORMATS) as image:
            array = np.array(image.convert("L" if grey else "RGB"))
    except _BROKEN:
        raise DataProblem(f"{entry.name} is broken: its header can be read, and its pixels cannot.") from None
    return _as_square(array.reshape(*array.shape[:2], -1), side)


def _as_square(image_HWC: np.ndarray, side: int) -> np.ndarray:
    if image_HWC.shape[:2] == (side, side):
        return image_HWC
    resized = resize(torch.from_numpy(image_HWC).permute(2, 0, 1)[None], side)
    return resized[0].permute(1, 2, 0).numpy()


def _notes(entries: list[_Entry], side: int, ignored: int) -> list[str]:
    notes = []
    resized = sum(entry.size != (side, side) for entry in entries)
    if resized:
        sizes = len({entry.size for entry in entries})
        notes.append(
            f"{resized:,} of {len(entries):,} images, of {sizes} sizes in all, were resized to {side} x {side} pixels"
        )
    if ignored:
        notes.append(f"{ignored:,} files that are no images in a class folder were left out")
    return notes
