"""The training process: forked from the fork server, trains one attempt of one run, tells its verdict, ends.

Its parent's death, the fork server's death and the loss of the run each end it. The verdict is one JSON
text through a pipe; without one, the supervisor counts the training as lost.
"""

import contextlib
import json
import os
import signal
import sys
import threading
import traceback
from dataclasses import asdict, dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from backend.catalog.datasets import BUILTIN
from backend.contract import Reason
from backend.errors import DataProblem, RunyardError
from backend.logs import set_up_logging
from backend.processes import die_with_parent
from backend.settings import Settings, read_settings
from backend.spec import Spec, parse_spec
from backend.store import datasets
from backend.store.attempts import Claimed
from backend.store.session import Database
from worker.recorder import DatabaseRecorder

NICENESS = 10
"""The pages stay quick while a training takes every core."""


@dataclass(frozen=True)
class Verdict:
    """How a training ended: completed, stopped (cancel or drain) or failed for a reason."""

    outcome: str
    reason: str | None = None
    detail: str | None = None
    cancelled: bool = False

    def send(self, connection: Connection) -> None:
        connection.send_bytes(json.dumps(asdict(self)).encode())

    @staticmethod
    def receive(connection: Connection) -> "Verdict | None":
        """Return the verdict if one was sent; None where the process ended without."""
        try:
            if not connection.poll(0):
                return None
            return Verdict(**json.loads(connection.recv_bytes()))
        except (EOFError, OSError):
            return None


def main(claimed: Claimed, claimed_at: float, connection: Connection, device: str) -> None:
    """Train. Runs in a process of its own, in a group of its own."""
    os.setsid()
    die_with_parent(signal.SIGKILL)  # the parent by fork is the fork server
    _end_with_worker()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    settings = read_settings()
    set_up_logging(settings.log_level)
    database = Database(settings.resolved_database_url)
    recorder = DatabaseRecorder(database, claimed, claimed.spec["epochs"], settings.lease_seconds, claimed_at)

    def drain(_signal: int, _frame: Any) -> None:
        recorder.drain_requested = True

    signal.signal(signal.SIGTERM, drain)
    recorder.start()
    verdict = train_attempt(claimed, settings, database, recorder, device)
    recorder.close()
    verdict.send(connection)
    database.dispose()


def train_attempt(
    claimed: Claimed, settings: Settings, database: Database, recorder: DatabaseRecorder, device: str
) -> Verdict:
    """Train what was claimed, and return how it ended, whatever went wrong."""
    # Here and not at the top: the worker's own process imports this module too, and loads no torch.
    from worker.engine.checkpoint import CheckpointPointer
    from worker.engine.recorder import Stopped
    from worker.engine.train import Outcome, TrainOptions, train
    from worker.weights import starting_weights

    def fetching(done: int, total: int) -> None:
        recorder.preparing("fetching weights", done, total)
        if recorder.should_stop():
            raise Stopped

    try:
        spec = parse_spec(claimed.spec)
        resume = CheckpointPointer.from_json(claimed.checkpoint) if claimed.checkpoint else None
        if resume and resume.epoch == spec.epochs:
            # Asked here too: what a training needs to begin may be gone by now, and this one needs nothing.
            return Verdict("completed")
        outcome = train(
            spec,
            _open_dataset(spec, claimed.data_hash, settings, database),
            recorder,
            folder=settings.runs_folder / str(claimed.run_id),
            attempt=claimed.attempt,
            resume=resume,
            weights=starting_weights(spec, claimed, settings, database, fetching),
            features_folder=settings.features_folder,
            options=TrainOptions(
                device=device,
                checkpoint_seconds=settings.checkpoint_seconds,
                threads=settings.cpu_threads,
                features_bytes=int(settings.features_gib * 2**30),
            ),
        )
    except Stopped:
        outcome = Outcome.STOPPED
    except RunyardError as problem:
        return _failed(recorder, Reason.REFUSED, str(problem))
    except Exception as problem:  # noqa: BLE001 - the verdict on a training is this process's to tell, whatever went wrong
        recorder.log(traceback.format_exc())
        reason = Reason.OUT_OF_MEMORY if _is_out_of_memory(problem) else Reason.CODE_ERROR
        return _failed(recorder, reason, f"{type(problem).__name__}: {problem}")
    if outcome is Outcome.COMPLETED:
        return Verdict("completed")
    return Verdict("stopped", cancelled=recorder.cancel_requested)


def _is_out_of_memory(problem: Exception) -> bool:
    # On a CPU torch raises a plain RuntimeError that names its allocator.
    name = type(problem).__name__
    return (
        isinstance(problem, MemoryError)
        or name == "OutOfMemoryError"
        or "DefaultCPUAllocator" in str(problem)
    )


def _failed(recorder: DatabaseRecorder, reason: Reason, detail: str) -> Verdict:
    recorder.log(f"Failed ({reason}): {detail}")
    return Verdict("failed", reason, detail[:2000])


def _open_dataset(spec: Spec, digest: str | None, settings: Settings, database: Database):
    from worker.engine.data import open_dataset
    from worker.engine.generated import ensure_generated
    from worker.importer import dataset_folder

    name = spec.dataset.name
    if name in BUILTIN:
        return ensure_generated(settings.data_folder, name)
    with database.read() as session:
        # A run that goes on does so on the content it began with, whatever the name means by now.
        row = datasets.find(session, name, digest)
    if row is None:
        raise DataProblem(f"The data set '{name}' is gone; `runyard data import {name} PATH` brings it back.")
    folder = dataset_folder(settings.data_folder, name, row.hash)
    if not folder.is_dir():
        raise DataProblem(
            f"The images of '{name}' ({row.hash[:12]}) are not on this worker; "
            f"`runyard data import {name} PATH` on its host brings them."
        )
    return open_dataset(folder)


def _end_with_worker() -> None:
    """Watch for the worker's end: its death must not leave a training that nobody supervises."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="watch-worker", daemon=True).start()


def probe(connection: Connection) -> None:
    """Tell what the fork server has imported: multiprocessing says nothing when a preload fails."""
    die_with_parent(signal.SIGKILL)
    answer = {"torch": "torch" in sys.modules and "torchvision" in sys.modules}
    with contextlib.suppress(BrokenPipeError):  # the worker was stopped in this moment
        connection.send_bytes(json.dumps(answer).encode())
