"""The calibration of a worker: when its device is first idle, a process measures what estimates are made of.

It is never in a run's way: it holds no lock that a claim waits for, and is killed as soon as a run was claimed, to be made
later. A device whose kind was measured before, by this worker or another one, is not measured again. Loads no torch here.
"""

import fcntl
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO, Any

import structlog

from backend.catalog.workloads import CALIBRATION_VERSION
from backend.devices import CPU
from backend.loops import surviving
from backend.processes import die_with_parent, is_alive, kill_group, wait_until
from backend.settings import Settings
from backend.store import calibrations, workers
from backend.store.session import Database

log = structlog.get_logger()

LONGEST_SECONDS = 120.0
"""One that takes longer measures a machine that is busy with something else: it is given up."""

Start = Callable[[str, int, Path], tuple[BaseProcess, Connection]]
"""Starts the process from the kind of device, the threads and a folder; gives it, and where its facts will come."""


class Calibrator:
    """Calibrates one device, in steps that take no time: `look` is called again and again while the device is idle."""

    def __init__(
        self, settings: Settings, database: Database, start: Start, *, host: str, device: str, device_key: str
    ) -> None:
        self._settings = settings
        self._database = database
        self._start = start
        self._host = host
        self._device = device
        self._device_key = device_key
        self._folder = settings.home / "calibration"
        self._wanted = settings.calibrate
        self._lock = threading.Lock()
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._started = 0.0
        self._turn: IO[str] | None = None

    def look(self, is_busy: Callable[[], bool]) -> None:
        """Begin where nothing is known of the device and it is idle, or keep what a process that ended has found.

        `is_busy` is asked while `make_way` is held off: whoever has the device by then will call that.
        """
        with self._lock:
            if not self._wanted:
                return
            if self._process is not None:
                self._look_after(self._process)
            elif not is_busy() and not self._is_measured() and self._is_quiet() and self._takes_turn():
                self._begin(is_busy)

    def make_way(self) -> None:
        """Return when no calibration uses the device any more."""
        with self._lock, surviving("make way"):
            if self._process is not None:
                log.info("the calibration makes way")
                self._end(self._process)

    def _begin(self, is_busy: Callable[[], bool]) -> None:
        if is_busy():  # by now
            self._give_turn_back()
            return
        kind = "cpu" if self._device == CPU else "cuda"
        try:
            self._process, self._connection = self._start(kind, self._settings.cpu_threads, self._folder)
        except (OSError, EOFError):  # no memory, no file handles, or a fork server that died
            self._give_turn_back()
            raise
        self._started = time.monotonic()
        log.info("calibrating", device=self._device_key)

    def _look_after(self, process: BaseProcess) -> None:
        assert self._connection is not None
        # Read before it has ended too: it waits until its words fit into the pipe.
        if self._connection.poll(0):
            self._keep(process, self._connection)
        elif not process.is_alive() or time.monotonic() - self._started > LONGEST_SECONDS:
            log.warning("the calibration came to nothing", exitcode=process.exitcode)
            self._wanted = False
            self._end(process)

    def _keep(self, process: BaseProcess, connection: Connection) -> None:
        try:
            facts: dict[str, Any] | None = json.loads(connection.recv_bytes())
        except EOFError:  # it ended without a word
            facts = None
        self._end(process)
        if facts is None:
            log.warning("the calibration came to nothing", exitcode=process.exitcode)
        else:
            with self._database.write() as session:
                calibrations.keep(session, self._device_key, facts)
            log.info("calibrated", device=self._device_key, seconds=facts["seconds"])
        self._wanted = False  # one that failed is not tried again in this worker's life

    def _end(self, process: BaseProcess) -> None:
        """Make sure that nothing of the process is left."""
        assert process.pid is not None and self._connection is not None
        pid = process.pid
        if process.is_alive():
            process.kill()  # it may not lead a group of its own yet
        kill_group(pid)
        if not wait_until(lambda: not is_alive(pid), limit_seconds=5.0):
            log.warning("a calibration does not end", pid=pid)
        process.join(0)
        self._connection.close()
        self._process = self._connection = None
        self._clear()
        self._give_turn_back()

    def _is_measured(self) -> bool:
        with self._database.read() as session:
            facts = calibrations.find(session, self._device_key)
        if facts is None or facts.get("version") != CALIBRATION_VERSION:
            return False
        self._wanted = False
        return True

    def _is_quiet(self) -> bool:
        """Say whether no worker of this machine trains on the same processors: it would be measured too."""
        with self._database.read() as session:
            everyone = workers.standings(session, self._settings.worker_lost_seconds)
        here = [one for one in everyone if one.worker.host == self._host and one.is_heard_of]
        return all(one.training is None for one in here)

    def _takes_turn(self) -> bool:
        """Say whether no other worker of this machine calibrates: two at once would measure each other."""
        turn = (self._settings.home / "calibration.lock").open("w")
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            turn.close()
            return False
        self._turn = turn
        self._clear()  # of what a worker left that was killed
        return True

    def _clear(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _give_turn_back(self) -> None:
        if self._turn is not None:
            self._turn.close()
            self._turn = None


def main(connection: Connection, kind: str, threads: int, folder: Path) -> None:
    """Measure. Runs in a process of its own, niced as a training is."""
    # Here and not at the top: the worker's own process imports this module too, and loads no torch.
    from worker.engine.calibrate import calibrate
    from worker.training import NICENESS, end_with_worker

    os.setsid()
    die_with_parent(signal.SIGKILL)
    end_with_worker()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    facts = calibrate(kind, folder, threads=threads)
    connection.send_bytes(json.dumps(facts).encode())
    connection.close()
