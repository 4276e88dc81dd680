"""When a worker calibrates its device: once, while it is idle, and never in a run's way."""

import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from backend.catalog.workloads import CALIBRATION_VERSION
from backend.processes import is_alive, wait_until
from backend.settings import Settings
from backend.store import calibrations
from backend.store.session import Database
from worker.calibration import Calibrator

KEY = "CPU of a test"
FACTS = {"version": CALIBRATION_VERSION, "seconds": 0.1}


def measures(connection: Connection) -> None:
    os.setsid()
    connection.send_bytes(json.dumps(FACTS).encode())


def measures_for_ever(connection: Connection) -> None:
    os.setsid()
    connection.recv_bytes()  # nobody ever sends


def fails(_: Connection) -> None:
    os.setsid()
    os._exit(1)


class Starts:
    """Starts processes that end as the test wants, and remembers them."""

    def __init__(self) -> None:
        self.target = measures
        self.processes: list[BaseProcess] = []

    def __call__(self, kind: str, threads: int, folder: Path) -> tuple[BaseProcess, Connection]:
        assert (kind, threads) == ("cpu", 0)
        folder.mkdir(parents=True)
        here, there = multiprocessing.Pipe()
        process = multiprocessing.get_context("forkserver").Process(target=self.target, args=(there,))
        process.start()
        there.close()
        self.processes.append(process)
        return process, here


@pytest.fixture
def starts() -> Iterator[Starts]:
    made = Starts()
    yield made
    for process in made.processes:
        process.kill()
        process.join()


def calibrator(settings: Settings, database: Database, starts: Starts, *, wanted: bool = True) -> Calibrator:
    settings.make_home()
    settings = settings.model_copy(update={"calibrate": wanted})
    return Calibrator(settings, database, starts, host="here", device="cpu", device_key=KEY)


def stored(database: Database) -> dict | None:
    with database.read() as session:
        return calibrations.find(session, KEY)


def idle() -> bool:
    return False


def looks_until(one: Calibrator, condition) -> None:
    def look() -> bool:
        one.look(idle)
        return condition()

    assert wait_until(look, 120)


def test_an_idle_device_is_measured_once_and_what_was_found_is_kept(
    settings: Settings, sqlite_database: Database, starts: Starts
) -> None:
    one = calibrator(settings, sqlite_database, starts)
    looks_until(one, lambda: stored(sqlite_database) == FACTS)
    one.look(idle)
    another = calibrator(settings, sqlite_database, starts)
    another.look(idle)
    assert len(starts.processes) == 1
    assert not (settings.home / "calibration").exists()


def test_one_of_an_older_version_is_measured_again(
    settings: Settings, sqlite_database: Database, starts: Starts
) -> None:
    with sqlite_database.write() as session:
        calibrations.keep(session, KEY, {"version": CALIBRATION_VERSION - 1})
    looks_until(calibrator(settings, sqlite_database, starts), lambda: stored(sqlite_database) == FACTS)


def test_nothing_is_measured_where_that_is_not_wanted_or_a_run_has_the_device(
    settings: Settings, sqlite_database: Database, starts: Starts
) -> None:
    calibrator(settings, sqlite_database, starts, wanted=False).look(idle)
    calibrator(settings, sqlite_database, starts).look(lambda: True)
    assert starts.processes == []


def test_a_run_makes_it_end_at_once_and_it_is_made_later(
    settings: Settings, sqlite_database: Database, starts: Starts
) -> None:
    starts.target = measures_for_ever
    one = calibrator(settings, sqlite_database, starts)
    one.look(idle)
    pid = starts.processes[0].pid
    assert pid is not None and is_alive(pid)
    began = time.monotonic()
    one.make_way()
    assert time.monotonic() - began < 0.5
    assert not is_alive(pid)
    one.make_way()
    starts.target = measures
    looks_until(one, lambda: stored(sqlite_database) == FACTS)


def test_one_that_fails_is_not_tried_again(
    settings: Settings, sqlite_database: Database, starts: Starts
) -> None:
    starts.target = fails
    one = calibrator(settings, sqlite_database, starts)
    one.look(idle)
    starts.processes[0].join(10)
    one.look(idle)
    one.look(idle)
    assert len(starts.processes) == 1
    assert stored(sqlite_database) is None


def test_two_workers_of_one_machine_take_turns(
    settings: Settings, sqlite_database: Database, starts: Starts
) -> None:
    starts.target = measures_for_ever
    one, another = (calibrator(settings, sqlite_database, starts) for _ in range(2))
    one.look(idle)
    another.look(idle)
    assert len(starts.processes) == 1
    one.make_way()
    another.look(idle)
    assert len(starts.processes) == 2
    another.make_way()
