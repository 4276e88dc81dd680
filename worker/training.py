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
from typing import TYPE_CHECKING, Any

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
from worker.device_figures import figures_of_training
from worker.ranks import RankFailed, RankLost, Ranks
from worker.recorder import DatabaseRecorder

if TYPE_CHECKING:
    from worker.engine.train import Outcome

NICENESS = 10
"""The pages stay quick while a training takes every core."""

MAKE_ROOM = "Make room, then resume or retry the run."

MOST_STEPS_BACK = 2
"""From a broken checkpoint to the one before it, and from there to the start."""


@dataclass(frozen=True)
class Verdict:
    """How a training ended: completed, stopped (cancel or drain), failed for a reason, or lost."""

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
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    devices = claimed.spec.get("devices", 1)
    # Forked before there are threads, and a connection to the store that no other process may use.
    ranks = Ranks(devices) if devices > 1 else None
    end_with_worker()
    settings = read_settings()
    set_up_logging(settings.log_level)
    database = Database(settings.resolved_database_url)
    recorder = DatabaseRecorder(database, claimed, claimed.spec["epochs"], settings.lease_seconds, claimed_at)

    def drain(_signal: int, _frame: Any) -> None:
        recorder.drain_requested = True

    signal.signal(signal.SIGTERM, drain)
    try:
        recorder.start()
        figures = figures_of_training(recorder.device_sample, claimed_at, device, devices)
        recorder.take_energy_wh = figures.take_energy_wh
        with figures:
            verdict = train_attempt(claimed, settings, database, recorder, device, ranks)
        recorder.close()
        verdict.send(connection)
        database.dispose()
    finally:
        # Whatever went wrong: they wait for a job of this process, which would wait for them at its end.
        if ranks:
            ranks.close()


def train_attempt(
    claimed: Claimed,
    settings: Settings,
    database: Database,
    recorder: DatabaseRecorder,
    device: str,
    ranks: Ranks | None = None,
) -> Verdict:
    """Train what was claimed, here or in several processes, and return how it ended, whatever went wrong."""
    # Here and not at the top: the worker's own process imports this module too, and loads no torch.
    from worker.engine.device import is_out_of_memory
    from worker.engine.disk import NoRoom, is_out_of_room
    from worker.engine.recorder import Stopped
    from worker.engine.train import Outcome

    try:
        outcome = _trained(parse_spec(claimed.spec), claimed, settings, database, recorder, device, ranks)
    except Stopped:
        outcome = Outcome.STOPPED
    except NoRoom as problem:
        return _failed(recorder, Reason.DISK_FULL, f"{problem} {MAKE_ROOM}")
    except RunyardError as problem:
        return _failed(recorder, Reason.REFUSED, str(problem))
    except RankLost as problem:
        recorder.log(str(problem))
        return Verdict("lost", detail=str(problem))
    except RankFailed as problem:
        recorder.log(problem.traceback)
        reason = Reason.OUT_OF_MEMORY if problem.out_of_memory else Reason.CODE_ERROR
        return _failed(recorder, reason, str(problem))
    except Exception as problem:  # noqa: BLE001 - the verdict on a training is this process's to tell, whatever went wrong
        recorder.log(traceback.format_exc())
        if is_out_of_room(problem):
            return _failed(
                recorder, Reason.DISK_FULL, f"A disk of this worker is full ({problem}). {MAKE_ROOM}"
            )
        reason = Reason.OUT_OF_MEMORY if is_out_of_memory(problem) else Reason.CODE_ERROR
        return _failed(recorder, reason, f"{type(problem).__name__}: {problem}")
    if outcome is Outcome.COMPLETED:
        return Verdict("completed")
    return Verdict("stopped", cancelled=recorder.cancel_requested)


def _trained(
    spec: Spec,
    claimed: Claimed,
    settings: Settings,
    database: Database,
    recorder: DatabaseRecorder,
    device: str,
    ranks: Ranks | None,
) -> "Outcome":
    """Train to the end or until told to stop; from an earlier checkpoint, or the start, where the newest is broken."""
    from worker.engine.checkpoint import BrokenCheckpoint

    for _ in range(MOST_STEPS_BACK):
        try:
            return _trained_from(claimed, spec, settings, database, recorder, device, ranks)
        except BrokenCheckpoint as problem:
            claimed = recorder.step_back(str(problem))
    return _trained_from(claimed, spec, settings, database, recorder, device, ranks)


def _trained_from(
    claimed: Claimed,
    spec: Spec,
    settings: Settings,
    database: Database,
    recorder: DatabaseRecorder,
    device: str,
    ranks: Ranks | None,
) -> "Outcome":
    from worker.engine.checkpoint import CheckpointPointer
    from worker.engine.data import dataset_folder
    from worker.engine.recorder import Stopped
    from worker.engine.train import Outcome, TrainOptions, train
    from worker.rank_job import Job
    from worker.weights import starting_weights

    def fetching(done: int, total: int) -> None:
        recorder.preparing("fetching weights", done, total)
        if recorder.should_stop():
            raise Stopped

    resume = CheckpointPointer.from_json(claimed.checkpoint) if claimed.checkpoint else None
    if resume and resume.epoch == spec.epochs:
        # Asked here too: what a training needs to begin may be gone by now, and this one needs nothing.
        return Outcome.COMPLETED
    dataset = _open_dataset(spec, claimed.data_hash, settings, database)
    weights = starting_weights(spec, claimed, settings, database, fetching)
    folder = settings.runs_folder / str(claimed.run_id)
    if ranks:
        job = Job(
            spec=claimed.spec,
            dataset=dataset_folder(settings.data_folder, dataset.name, dataset.hash),
            runs=folder,
            attempt=claimed.attempt,
            resume=resume,
            weights=weights,
            features=settings.features_folder,
            device=device,
            checkpoint_seconds=settings.checkpoint_seconds,
            within_epoch_seconds=settings.checkpoint_within_epoch_seconds,
            features_bytes=int(settings.features_gib * 2**30),
            threads=settings.cpu_threads,
        )
        return ranks.train(job, recorder, lambda: recorder.cancel_requested or recorder.drain_requested)
    return train(
        spec,
        dataset,
        recorder,
        folder=folder,
        attempt=claimed.attempt,
        resume=resume,
        weights=weights,
        features_folder=settings.features_folder,
        options=TrainOptions(
            device=device,
            checkpoint_seconds=settings.checkpoint_seconds,
            within_epoch_seconds=settings.checkpoint_within_epoch_seconds,
            threads=settings.cpu_threads,
            features_bytes=int(settings.features_gib * 2**30),
        ),
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


def end_with_worker() -> None:
    """Watch for the worker's end: its death must not leave a training that nobody supervises."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="watch-worker", daemon=True).start()


def probe(connection: Connection) -> None:
    """Tell who the fork server is, and what it has imported: multiprocessing says nothing when a preload fails."""
    server = os.getppid()
    die_with_parent(signal.SIGKILL)
    answer = {"torch": "torch" in sys.modules and "torchvision" in sys.modules, "server": server}
    with contextlib.suppress(BrokenPipeError):  # the worker was stopped in this moment
        connection.send_bytes(json.dumps(answer).encode())
