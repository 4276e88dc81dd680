"""What a forecast of the queue follows from, read from the store for `backend.forecast`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from backend.api.machines import kind_of, speeds_of_workers
from backend.api.shelf import read_shelf
from backend.contract import RunState
from backend.estimates.speeds import Speeds
from backend.estimates.time import seconds_on
from backend.forecast import Facts, Parent, QueuedRun, Taker
from backend.readiness import Images
from backend.spec import Spec
from backend.store import clock, pointers, queue_order
from backend.store.queue_order import Entry
from backend.store.workers import Standing, Training

Seconds = Mapping[str, float | None]
"""By the speed of a worker (see `_speed`)."""

NOBODY_KNOWS: Seconds = {}


@dataclass(frozen=True, eq=False)
class Known:
    """The speeds of the workers, each once by name: one object for equal ones, which is quickly told from others."""

    speeds: tuple[tuple[str, Speeds], ...]


@lru_cache(maxsize=50)
def known_once(speeds: tuple[tuple[str, Speeds], ...]) -> Known:
    """Return the one object for these speeds, so that what follows from them can be kept by it."""
    return Known(speeds)


@dataclass(frozen=True)
class _Whole:
    """A training from its start to its end. Its recipe and its images say how long it takes: the seed does not."""

    recipe_hash: str
    images: Images
    spec: Mapping[str, Any] = field(compare=False)


def read_facts(session: Session, queue: Sequence[Entry], workers: Sequence[Standing]) -> Facts:
    """Return the facts on a queue in its order, and on the workers as they stand."""
    now = clock.read_now(session)
    images = read_shelf(session).all_images()
    paused_at = queue_order.paused_at(session)
    by_worker = speeds_of_workers(session, [one.worker for one in workers])
    by_speed = {_speed(one, by_worker): by_worker[one.worker.id] for one in workers}
    known = known_once(tuple((name, by_speed[name]) for name in sorted(by_speed)))
    seconds_left = {
        one.training.run.id: _seconds_left(one, one.training, images, now, known, _speed(one, by_worker))
        for one in workers
        if one.training
    }
    return Facts(
        queue=[_queued(entry, images, now, known) for entry in queue],
        takers=[
            Taker(
                kind_of(one.worker),
                seconds_left[one.training.run.id] if one.training else 0.0,
                one.worker.devices,
                _speed(one, by_worker),
            )
            for one in workers
            if one.takes_runs
        ],
        in_training=seconds_left,
        paused_for=None if paused_at is None else max(0.0, now - paused_at),
        present_workers=sum(one.is_heard_of for one in workers),
        most_devices=max((one.worker.devices for one in workers if one.is_heard_of), default=1),
        last_seen_ago=max(0.0, now - max(one.worker.last_seen for one in workers)) if workers else None,
    )


def _queued(entry: Entry, images: Mapping[str, Images], now: float, known: Known) -> QueuedRun:
    waits = entry.state == RunState.WAITING and entry.parent_id is not None and entry.parent_state is not None
    return QueuedRun(
        entry.run_id,
        _left(_of_entry(entry, images, known), entry.checkpoint, entry.epochs),
        parent=Parent(entry.parent_id, entry.parent_state) if waits else None,  # pyright: ignore
        ready_in=max(0.0, entry.not_before - now),
        losses=entry.losses,
        devices=entry.spec.get("devices", 1),
    )


def _seconds_left(
    worker: Standing,
    training: Training,
    images: Mapping[str, Images],
    now: float,
    known: Known,
    speed: str,
) -> float | None:
    """Return in how many seconds a run in training will be over; None where nobody can know."""
    if not worker.is_heard_of:
        return None
    if training.run.state == RunState.CANCELLING:
        return 0.0
    told = (training.run.progress or {}).get("seconds_left")
    if told is not None:
        return max(0.0, told)
    run = training.run
    found = images.get(run.spec["dataset"]["name"])
    whole = NOBODY_KNOWS if found is None else _estimated(run.spec, found, known)
    left = _left(whole, run.checkpoint, run.epochs).get(speed)
    return None if left is None else max(0.0, left - (now - training.since))


def _speed(worker: Standing, by_worker: Mapping[str, Speeds]) -> str:
    """Return what tells workers of one speed from others: their measured kind of device, else cpu or cuda."""
    speeds = by_worker[worker.worker.id]
    return worker.worker.device_key or speeds.kind if speeds.measured else speeds.kind


def _of_entry(entry: Entry, images: Mapping[str, Images], known: Known) -> Seconds:
    found = images.get(entry.spec["dataset"]["name"])
    if found is None:  # the data set was removed since: nobody knows its size
        return NOBODY_KNOWS
    return estimated_once(_Whole(entry.recipe_hash, found, entry.spec), known)


def _left(whole: Seconds, checkpoint: Mapping[str, Any] | None, epochs: int) -> Seconds:
    """Return about how long a run still trains, by device; what lies before its checkpoint is done."""
    left = 1.0 - pointers.place(checkpoint).epochs_done() / epochs
    return {device: None if seconds is None else left * seconds for device, seconds in whole.items()}


@lru_cache(maxsize=5000)
def estimated_once(whole: _Whole, known: Known) -> Seconds:
    """Return how long a training takes, by speed. Kept: a page asks for a long queue every few seconds."""
    return _estimated(whole.spec, whole.images, known)


def _estimated(stored: Mapping[str, Any], images: Images, known: Known) -> Seconds:
    try:
        spec = Spec.model_validate(stored)
        return {name: seconds_on(spec, images, speeds) for name, speeds in known.speeds}
    except (ValidationError, KeyError):  # stored under rules, or with a model, that are no more
        return NOBODY_KNOWS
