"""Data sets that torchvision downloads, checks and reads: CIFAR-10, CIFAR-100 and FashionMNIST, into our arrays."""

import contextlib
import io
import socket
import sys
import tarfile
import urllib.error
import warnings
import zlib
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

import numpy as np
from torchvision.datasets import CIFAR10, CIFAR100, FashionMNIST

from backend.catalog.datasets import FETCHABLE, check_fetchable_name
from backend.errors import DataProblem
from worker.engine.data import Dataset, staging_folder, write_dataset

Source = type[CIFAR10] | type[FashionMNIST]

SOURCES: dict[str, Source] = {"cifar10": CIFAR10, "cifar100": CIFAR100, "fashionmnist": FashionMNIST}
"""Each class knows its addresses, and the MD5 of every file."""

TIMEOUT_SECONDS = 30.0
"""A server that says nothing for so long is given up; torchvision would wait without end."""

_NOT_FETCHED = (OSError, RuntimeError, HTTPException, EOFError, tarfile.TarError, zlib.error)


def fetch_dataset(name: str, data_folder: Path, source: Source | None = None) -> Dataset:
    """Download a data set and write its images as ours, the classes in the order that it has them in.

    What was downloaded lies beside the data sets meanwhile, and is removed. torchvision shows its progress.

    Raises:
        UnknownName: no data set of this name can be downloaded.
        DataProblem: it could not be, with what helps without a network; nothing is left behind.
    """
    check_fetchable_name(name)
    with staging_folder(data_folder) as scratch:
        train, test = _download(name, source or SOURCES[name], scratch)
        return write_dataset(
            data_folder, name, train.classes, _images(train), _labels(train), _images(test), _labels(test)
        )


def _download(
    name: str, source: Source, scratch: Path
) -> tuple[CIFAR10 | FashionMNIST, CIFAR10 | FashionMNIST]:
    try:
        with _patience(), _quiet_where_nobody_looks(), warnings.catch_warnings():
            # The files of CIFAR were pickled by a NumPy of 2009; NumPy 2.4.0 to 2.4.4 warn of that.
            warnings.filterwarnings("ignore", message="dtype\\(\\): align", category=Warning)
            return source(scratch, train=True, download=True), source(scratch, train=False)
    except _NOT_FETCHED as problem:
        raise DataProblem(
            f"{FETCHABLE[name]} could not be downloaded ({_why(problem)}); where there is no network, "
            f"`runyard data import {name} PATH` reads it from a folder or an archive of images."
        ) from None


def _images(dataset: CIFAR10 | FashionMNIST) -> np.ndarray:
    """Return the images, N x height x width x channels; FashionMNIST keeps them without channels."""
    images = np.ascontiguousarray(dataset.data, dtype=np.uint8)
    return images if images.ndim == 4 else images[..., None]


def _labels(dataset: CIFAR10 | FashionMNIST) -> np.ndarray:
    return np.asarray(dataset.targets, dtype=np.int64)


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _quiet_where_nobody_looks() -> contextlib.AbstractContextManager[object]:
    """Keep torchvision's progress out of files and pipes, where it would be one endless line."""
    return contextlib.nullcontext() if sys.stderr.isatty() else contextlib.redirect_stderr(io.StringIO())


def _why(problem: BaseException) -> str:
    """Return the cause in one line."""
    if isinstance(problem, urllib.error.HTTPError):
        problem.close()
        return f"the server answered {problem.code} {problem.reason}".rstrip()
    inner = problem.reason if isinstance(problem, urllib.error.URLError) else problem
    said = inner.strerror if isinstance(inner, OSError) and inner.strerror else str(inner)
    return " ".join(said.split()).rstrip(".") or type(inner).__name__
