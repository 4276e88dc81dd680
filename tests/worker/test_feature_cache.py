"""The folder of features: made once, whoever asks; never half-written; never taken from who uses it."""

import errno
import multiprocessing
import os
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.processes import wait_until
from worker.engine.feature_cache import Entry, FeatureCache, Lock, NoRoom, as_size, key_of

SPAWNED = multiprocessing.get_context("spawn")
BYTES = 4000
"""What an entry of `write` is said to take, and a little less than it does with the headers of its files."""
ROOM_FOR_TWO = 10_000


def write(folder: Path, value: float = 1.0) -> dict[str, Any]:
    for name, shape in (("train", (60, 10)), ("test", (20, 10)), ("mean", (10,)), ("deviation", (10,))):
        np.save(folder / f"{name}.npy", np.full(shape, value, dtype=np.float32))
    return {"value": value}


def never() -> None:
    raise AssertionError("nobody else makes it")


class Closing(FeatureCache):
    """Closes at the end what was not closed before."""

    def __init__(self, folder: Path, quota_bytes: int = ROOM_FOR_TWO) -> None:
        super().__init__(folder, quota_bytes)
        self._opened: list[Entry] = []

    def __enter__(self) -> "Closing":
        return self

    def __exit__(self, *_: object) -> None:
        for entry in self._opened:
            entry.close()

    def get(
        self,
        key: str,
        make: Callable[[Path], dict[str, Any]] = write,
        *,
        size: int = BYTES,
        wait: Callable[[], None] = never,
    ) -> Entry:
        entry = self.obtain(key, wanted_bytes=lambda: size, make=make, wait=wait)
        self._opened.append(entry)
        return entry


def folders(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Closing]:
    with Closing(tmp_path) as opened:
        yield opened


def test_what_one_made_the_next_finds(cache: Closing) -> None:
    first, second = cache.get("a"), cache.get("a", make=lambda _: pytest.fail("made again"))
    assert (first.made, second.made) == (True, False)
    assert second.facts == {"value": 1.0}
    assert second.train.shape == (60, 10)
    assert second.bytes == 80 * 10 * 4


def test_another_key_is_another_entry(cache: Closing) -> None:
    cache.get("a")
    assert cache.get("b", make=lambda folder: write(folder, 2.0)).train[0, 0] == 2.0


def in_process(folder: Path, pipe: Connection) -> None:
    """Obtain the entry, telling each step; the making goes on when it is told to."""

    def slowly(making: Path) -> dict[str, Any]:
        write(making)
        pipe.send("making")
        pipe.recv()
        return {}

    told: list[bool] = []

    def waiting() -> None:
        if not told:
            told.append(True)
            pipe.send("waiting")

    with Closing(folder) as cache:
        pipe.send("made" if cache.get("a", slowly, wait=waiting).made else "found")


def started(folder: Path) -> tuple[Any, Connection]:
    ours, theirs = SPAWNED.Pipe()
    process = SPAWNED.Process(target=in_process, args=(folder, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def told(pipe: Connection) -> str:
    assert pipe.poll(60)
    return pipe.recv()


def test_of_two_processes_one_makes_and_the_other_waits_and_finds(tmp_path: Path) -> None:
    first, to_first = started(tmp_path)
    assert told(to_first) == "making"
    second, to_second = started(tmp_path)
    assert told(to_second) == "waiting"
    to_first.send("go on")
    assert (told(to_first), told(to_second)) == ("made", "found")
    first.join(10)
    second.join(10)


def test_a_killed_maker_harms_nobody(tmp_path: Path) -> None:
    killed, to_killed = started(tmp_path)
    assert told(to_killed) == "making"
    waiting, to_waiting = started(tmp_path)
    assert told(to_waiting) == "waiting"
    killed.kill()
    killed.join(10)
    # The one that waited takes over: what the other left is gone, and not found.
    assert told(to_waiting) == "making"
    to_waiting.send("go on")
    assert told(to_waiting) == "made"
    waiting.join(10)
    assert folders(tmp_path) == ["a"]


def test_what_a_killed_maker_left_of_another_key_takes_no_room(tmp_path: Path) -> None:
    killed, to_killed = started(tmp_path)
    assert told(to_killed) == "making"
    killed.kill()
    killed.join(10)
    with Closing(tmp_path, BYTES) as cache:
        cache.get("b")
    assert folders(tmp_path) == ["b"]


def test_a_process_that_ends_lets_go_of_what_it_used(tmp_path: Path) -> None:
    process, pipe = started(tmp_path)
    assert told(pipe) == "making"
    pipe.send("go on")
    assert told(pipe) == "made"
    assert wait_until(lambda: not process.is_alive(), 120)
    with Closing(tmp_path, BYTES) as cache:
        cache.get("b")
    assert folders(tmp_path) == ["b"]


def test_the_entry_used_longest_ago_is_evicted_first(cache: Closing, tmp_path: Path) -> None:
    for age, key in enumerate("ab"):
        cache.get(key).close()
        os.utime(tmp_path / key / "meta.json", (1000 + age, 1000 + age))
    cache.get("a").close()  # used again: now b is the one
    cache.get("c").close()
    assert folders(tmp_path) == ["a", "c"]


def test_what_is_in_use_is_never_evicted(cache: Closing, tmp_path: Path) -> None:
    cache.get("a")
    cache.get("b").close()
    os.utime(tmp_path / "a" / "meta.json", (1, 1))
    cache.get("c").close()
    assert folders(tmp_path) == ["a", "c"]


def test_there_is_no_room_beside_what_is_in_use(cache: Closing, tmp_path: Path) -> None:
    for key in "ab":
        cache.get(key)
    with pytest.raises(NoRoom, match="beside the features in use"):
        cache.get("c")
    assert folders(tmp_path) == ["a", "b"]


def test_what_another_is_just_making_has_its_room_already(cache: Closing) -> None:
    def meanwhile(making: Path) -> dict[str, Any]:
        with pytest.raises(NoRoom):
            cache.get("b", size=ROOM_FOR_TWO // 2 + 1)
        return write(making)

    assert cache.get("a", meanwhile, size=ROOM_FOR_TWO // 2).made


@pytest.mark.parametrize("wanted", [None, ""])
def test_what_a_killed_maker_left_half_begun_counts_as_what_it_holds(
    cache: Closing, tmp_path: Path, wanted: str | None
) -> None:
    left = tmp_path / ".making-b"
    left.mkdir()
    (left / "train.npy").write_bytes(bytes(ROOM_FOR_TWO - BYTES))
    if wanted is not None:
        (left / "wanted").write_text(wanted)
    at_it_again = Lock(tmp_path / "b.lock")  # by one who looks how much it will be
    assert at_it_again.alone()
    assert cache.get("a").made
    with pytest.raises(NoRoom):
        cache.get("c", size=BYTES + 1)
    at_it_again.close()


def test_what_is_over_the_quota_is_refused_and_evicts_nothing(cache: Closing, tmp_path: Path) -> None:
    cache.get("a").close()
    with pytest.raises(NoRoom, match="13 kB is too large for the quota of 10 kB"):
        cache.get("b", size=13_000)
    assert folders(tmp_path) == ["a"]


def test_a_disk_with_too_little_left_is_no_room(tmp_path: Path) -> None:
    with Closing(tmp_path, 10**18) as cache, pytest.raises(NoRoom, match="or of the disk"):
        cache.get("a", size=10**17)


def test_a_disk_that_becomes_full_leaves_nothing_behind(cache: Closing, tmp_path: Path) -> None:
    def full(making: Path) -> dict[str, Any]:
        (making / "train.npy").write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NoRoom, match="the disk became full"):
        cache.get("a", full)
    assert folders(tmp_path) == []
    assert cache.get("a").made


def test_a_maker_that_is_stopped_leaves_nothing_behind(cache: Closing, tmp_path: Path) -> None:
    def stopped(making: Path) -> dict[str, Any]:
        write(making)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.get("a", stopped)
    assert folders(tmp_path) == []
    assert cache.get("a").made


@pytest.mark.parametrize("name", ["train.npy", "meta.json", "deviation.npy"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_entry_is_made_again(cache: Closing, tmp_path: Path, name: str, damage: str) -> None:
    cache.get("a").close()
    path = tmp_path / "a" / name
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-5])
    else:
        path.unlink()
    again = cache.get("a")
    assert again.made
    again.close()
    assert not cache.get("a").made


def test_the_key_does_not_depend_on_the_order_of_its_ingredients() -> None:
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1}) != key_of({"a": 2, "b": 1})
    assert len(key_of({})) == 16


@pytest.mark.parametrize(
    ("count", "text"), [(4000, "4 kB"), (250_000_000, "250 MB"), (24_084_480_000, "24.1 GB")]
)
def test_a_size_is_told_in_the_unit_that_fits(count: int, text: str) -> None:
    assert as_size(count) == text
