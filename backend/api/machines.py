"""The machines of the workers that were heard of lately, read from the store for estimates."""

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from backend.contract import DeviceKind
from backend.devices import CPU
from backend.estimates.speeds import Speeds, speeds_of
from backend.machines import Machine
from backend.settings import Settings
from backend.store import calibrations, workers
from backend.store.tables import Worker


def read_machines(session: Session, settings: Settings) -> list[Machine]:
    """Return a machine for each worker; of those that take no runs only where no other is there."""
    everyone = workers.standings(session, settings.worker_lost_seconds)
    present = [one for one in everyone if one.is_heard_of]
    there = [one.worker for one in present if one.takes_runs] or [one.worker for one in present]
    speeds = speeds_of_workers(session, there)
    return [Machine(one.device_name, speeds[one.id], one.memory_bytes, one.devices) for one in there]


def speeds_of_workers(session: Session, there: Sequence[Worker]) -> Mapping[str, Speeds]:
    """Return how fast each worker is, by its id: as its kind of device was measured, else roughly."""
    keys = {one.device_key for one in there if one.device_key is not None}
    known = calibrations.known(session, keys)
    return {one.id: speeds_of(known.get(one.device_key or ""), kind_of(one)) for one in there}


def kind_of(worker: Worker) -> DeviceKind:
    return "cpu" if worker.device == CPU else "cuda"
