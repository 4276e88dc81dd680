"""Downloads from a server of our own, in the real formats; torchvision's own code fetches, checks and reads them."""

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision.datasets import CIFAR10, CIFAR100, FashionMNIST

from backend.catalog.datasets import FETCHABLE
from backend.errors import DataProblem, UnknownName
from tests.servers import free_port
from worker.fetcher import SOURCES, fetch_dataset

pytestmark = pytest.mark.thorough


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


class OldPickler(pickle.Pickler):
    """Pickles arrays as the files of CIFAR hold them: with the dtype's arguments as whole numbers."""

    def reducer_override(self, thing: object) -> Any:
        if isinstance(thing, np.dtype):
            return np.dtype, (thing.str[1:], 0, 1), thing.__reduce__()[2]
        return NotImplemented


def pickled(table: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    OldPickler(file, protocol=2).dump(table)
    return file.getvalue()


def cifar(base: type[CIFAR10], site: Path, address: str, images: np.ndarray, labels: list[int]) -> Any:
    """Publish the images as training images, all but the last in one batch, and the first one as the test image."""
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    key = "fine_labels" if base is CIFAR100 else "labels"
    files = {
        "one": pickled({"data": rows[:-1], key: labels[:-1]}),
        "two": pickled({"data": rows[-1:], key: labels[-1:]}),
        "test": pickled({"data": rows[:1], key: labels[:1]}),
        "names": pickled({base.meta["key"]: ["zebra", "ant", "moth"]}),
    }
    with tarfile.open(site / "batches.tar.gz", "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"batches/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))

    class Small(base):
        base_folder = "batches"
        url = f"{address}/batches.tar.gz"
        filename = "batches.tar.gz"
        tgz_md5 = md5((site / "batches.tar.gz").read_bytes())
        train_list = [[name, md5(files[name])] for name in ("one", "two")]  # noqa: RUF012 - as torchvision has it
        test_list = [["test", md5(files["test"])]]  # noqa: RUF012
        meta = {**base.meta, "filename": "names", "md5": md5(files["names"])}  # noqa: RUF012

    return Small


def random_images(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(("name", "base"), [("cifar10", CIFAR10), ("cifar100", CIFAR100)])
def test_cifar_is_fetched_with_its_classes_in_its_own_order(
    name: str, base: type[CIFAR10], site: Path, address: str, tmp_path: Path
) -> None:
    images = random_images(5, 32, 32, 3)
    made = fetch_dataset(name, tmp_path / "data", cifar(base, site, address, images, [2, 0, 1, 1, 2]))
    assert (made.name, made.classes) == (name, ("zebra", "ant", "moth"))
    assert (made.train_images == images).all()
    assert (made.test_images == images[:1]).all()
    assert made.train_labels.tolist() == [2, 0, 1, 1, 2]
    assert made.test_labels.tolist() == [2]


def test_what_was_downloaded_is_not_kept_beside_the_arrays(site: Path, address: str, tmp_path: Path) -> None:
    source = cifar(CIFAR10, site, address, random_images(2, 32, 32, 3), [0, 1])
    made = fetch_dataset("cifar10", tmp_path / "data", source)
    assert [entry.name for entry in (tmp_path / "data").iterdir()] == [f"cifar10-{made.hash[:12]}"]


def test_fetching_again_is_the_same_content(site: Path, address: str, tmp_path: Path) -> None:
    source = cifar(CIFAR10, site, address, random_images(2, 32, 32, 3), [0, 1])
    first, second = (fetch_dataset("cifar10", tmp_path / "data", source) for _ in range(2))
    assert first.hash == second.hash


def test_fashionmnist_is_fetched_as_grey_images(site: Path, address: str, tmp_path: Path) -> None:
    images, labels = random_images(3, 28, 28), np.array([9, 0, 4], dtype=np.uint8)
    files = {}
    for split, count in (("train", 3), ("t10k", 2)):
        header = struct.pack(">iiii", 2051, count, 28, 28)
        files[f"{split}-images-idx3-ubyte.gz"] = gzip.compress(header + images[:count].tobytes())
        header = struct.pack(">ii", 2049, count)
        files[f"{split}-labels-idx1-ubyte.gz"] = gzip.compress(header + labels[:count].tobytes())
    for name, content in files.items():
        (site / name).write_bytes(content)

    class Small(FashionMNIST):
        mirrors = [f"{address}/"]  # noqa: RUF012 - as torchvision has it
        resources = [(name, md5(content)) for name, content in files.items()]  # noqa: RUF012

    made = fetch_dataset("fashionmnist", tmp_path / "data", Small)
    assert (made.pixels, made.channels) == (28, 1)
    assert (made.train_images[..., 0] == images).all()
    assert (made.train_labels.tolist(), made.test_labels.tolist()) == ([9, 0, 4], [9, 0])
    assert made.classes == tuple(FashionMNIST.classes)


def refused(name: str, folder: Path, source: Any) -> str:
    """Return what is said of a download that fails; nothing may be left of it."""
    with pytest.raises(DataProblem) as refusal:
        fetch_dataset(name, folder, source)
    assert list(folder.iterdir()) == []
    return str(refusal.value)


def test_a_download_that_is_not_what_it_should_be_is_refused(
    site: Path, address: str, tmp_path: Path
) -> None:
    source = cifar(CIFAR10, site, address, random_images(2, 32, 32, 3), [0, 1])
    source.tgz_md5 = md5(b"something else")
    assert "corrupted" in refused("cifar10", tmp_path / "data", source)


def test_a_file_that_the_server_does_not_have_is_told_with_its_answer(
    site: Path, address: str, tmp_path: Path
) -> None:
    source = cifar(CIFAR10, site, address, random_images(2, 32, 32, 3), [0, 1])
    (site / "batches.tar.gz").unlink()
    assert "(the server answered 404 File not found)" in refused("cifar10", tmp_path / "data", source)


@pytest.mark.parametrize("name", FETCHABLE)
def test_without_a_network_one_sentence_says_what_helps(name: str, tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/"
    changes = {"url": f"{nobody}all.tar.gz", "mirrors": [nobody]}
    said = refused(name, tmp_path / "data", type("Unreachable", (SOURCES[name],), changes))
    assert said.startswith(f"{FETCHABLE[name]} could not be downloaded (")
    assert "Connection refused" in said
    assert said.endswith(
        f"where there is no network, `runyard data import {name} PATH` reads it from a folder or an archive of images."
    )
    assert "\n" not in said


def test_a_name_that_cannot_be_downloaded_is_refused_with_those_that_can(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean cifar10"):
        fetch_dataset("cifar-10", tmp_path / "data")


def test_every_fetchable_name_has_its_source() -> None:
    assert set(SOURCES) == set(FETCHABLE)
