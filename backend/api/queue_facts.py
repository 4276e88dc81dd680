"""What a forecast of the queue follows from, read from the store for `backend.forecast`."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from backend.api.shelf import read_shelf
from backend.contract import RunState
from backend.devices import CPU
from backend.estimates import seconds_for
from backend.forecast import Device, Facts, Parent, QueuedRun, Taker
from backend.launching import Images
from backend.spec import Spec
from backend.store import clock, queue_order
from backend.store.queue_order import Entry
from backend.store.workers import Standing, Training, WorkerState

Seconds = Mapping[Device, float | None]


def read_facts(session: Session, queue: Sequence[Entry], workers: Sequence[Standing]) -> Facts:
    """Return the facts on a queue in its order, and on the workers as they stand."""
    now = clock.read_now(session)
    images = read_shelf(session).all_images()
    paused_at = queue_order.paused_at(session)
    seconds_left = {
        one.training.run.id: _seconds_left(one, one.training, images, now) for one in workers if one.training
    }
    return Facts(
        queue=[_queued(entry, images, now) for entry in queue],
        takers=[
            Taker(_device(one), seconds_left[one.training.run.id] if one.training else 0.0)
            for one in workers
            if one.takes_runs
        ],
        in_training=seconds_left,
        paused_for=None if paused_at is None else max(0.0, now - paused_at),
        present_workers=sum(one.state != WorkerState.LOST for one in workers),
        last_seen_ago=max(0.0, now - max(one.worker.last_seen for one in workers)) if workers else None,
    )


def _queued(entry: Entry, images: Mapping[str, Images], now: float) -> QueuedRun:
    waits = entry.state == RunState.WAITING and entry.parent_id is not None and entry.parent_state is not None
    return QueuedRun(
        entry.run_id,
        _estimated(entry.spec, entry.checkpoint, images),
        parent=Parent(entry.parent_id, entry.parent_state) if waits else None,  # pyright: ignore
        ready_in=max(0.0, entry.not_before - now),
    )


def _seconds_left(
    worker: Standing, training: Training, images: Mapping[str, Images], now: float
) -> float | None:
    """Return in how many seconds a run in training will be over; None where nobody can know."""
    if worker.state == WorkerState.LOST:
        return None
    if training.run.state == RunState.CANCELLING:
        return 0.0
    told = (training.run.progress or {}).get("seconds_left")
    if told is not None:
        return max(0.0, told)
    whole = _estimated(training.run.spec, training.run.checkpoint, images)[_device(worker)]
    return None if whole is None else max(0.0, whole - (now - training.since))


def _device(worker: Standing) -> Device:
    return "cpu" if worker.worker.device == CPU else "cuda"


def _estimated(
    spec: Mapping[str, Any], checkpoint: Mapping[str, Any] | None, images: Mapping[str, Images]
) -> Seconds:
    """Return about how long a run still trains, by device; the epochs before its checkpoint are done."""
    found = images.get(spec["dataset"]["name"])
    if found is None:  # the data set was removed since: nobody knows its size
        return {"cpu": None, "cuda": None}
    left = 1.0 - (checkpoint["epoch"] / spec["epochs"] if checkpoint else 0.0)
    whole = _of_whole(json.dumps(spec, sort_keys=True), found)
    return {device: None if seconds is None else left * seconds for device, seconds in whole.items()}


@lru_cache(maxsize=5000)
def _of_whole(spec_text: str, images: Images) -> Seconds:
    """Return how long a whole training takes. Kept: a page asks for a long queue every few seconds."""
    try:
        spec = Spec.model_validate_json(spec_text)
        train_count = min(spec.dataset.train_limit or images.train_count, images.train_count)
        test_count = min(spec.dataset.test_limit or images.test_count, images.test_count)
        return {
            device: seconds_for(spec, train_count, test_count, device=device, stored_pixels=images.pixels)
            for device in ("cpu", "cuda")
        }
    except (ValidationError, KeyError):  # stored under rules, or with a model, that are no more
        return {"cpu": None, "cuda": None}
