"""The fork server: a process that has imported torch and used nothing, from which trainings are forked.

Started so, a training is ready in 0.02 s; a fresh interpreter takes 3.5 to 12 s to import torch.
"""

import json
import multiprocessing
import time
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from backend.processes import is_alive
from backend.store.attempts import Claimed
from worker import calibration, training

PROBE_END_SECONDS = 10.0
PROBE_SECONDS = 120.0
"""Importing torch from a cold disk takes long."""


class ForkServer:
    """Starts trainings. The server dies with this process, and is started anew where it died itself."""

    def __init__(self) -> None:
        self._pid: int | None = None
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["worker.preload"])

    def make_ready(self) -> None:
        """Return once a training would start at once. Call it before a claim.

        A server that died takes as long to come back as torch takes to be imported. Whoever claims a run meanwhile
        renews no lease, and would count losses of which the run is innocent.

        Raises as `warm_up` does.
        """
        if self._pid is None or not is_alive(self._pid):
            self.warm_up()

    def warm_up(self) -> None:
        """Start the server and wait until it has imported torch.

        Raises:
            RuntimeError: it could not; multiprocessing itself swallows an ImportError there.
        """
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=training.probe, args=(sender,), daemon=True)
        process.start()
        sender.close()
        try:
            if not receiver.poll(PROBE_SECONDS):
                raise RuntimeError("The fork server did not answer in time.")
            answer = json.loads(receiver.recv_bytes())
        except EOFError:
            raise RuntimeError("The fork server ended while it imported torch.") from None
        finally:
            receiver.close()
            _end(process)
        if not answer["torch"]:
            raise RuntimeError(
                "The fork server could not import torch and torchvision: `python -c 'import torchvision'` tells why."
            )
        self._pid = answer["server"]

    def start(self, claimed: Claimed, device: str) -> tuple[BaseProcess, Connection]:
        """Start the training of a claimed run; return its process and where its verdict will come."""
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=training.main,
            args=(claimed, time.monotonic(), sender, device),
            name=f"run-{claimed.run_id}",
            daemon=False,
        )
        process.start()
        sender.close()
        return process, receiver

    def start_calibration(self, kind: str, threads: int, folder: Path) -> tuple[BaseProcess, Connection]:
        """Start to measure the device; return the process and where what it found will come."""
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=calibration.main, args=(sender, kind, threads, folder), name="calibration", daemon=False
        )
        process.start()
        sender.close()
        return process, receiver


def _end(process: BaseProcess) -> None:
    """Wait for a process that has answered; kill one that will not: the next look for work starts another."""
    process.join(PROBE_END_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
