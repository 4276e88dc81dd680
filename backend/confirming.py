"""Whether a launch takes so long on the devices that are there that a person should have said yes to it."""

from collections.abc import Collection, Iterable

from backend.contract import DeviceKind
from backend.devices import CPU
from backend.durations import duration
from backend.errors import ConfirmationNeeded
from backend.estimates import LONG_SECONDS, seconds_on
from backend.readiness import Shelf
from backend.store.launches import NewRun


def check_confirmed(runs: Iterable[NewRun], shelf: Shelf, devices: Collection[str]) -> None:
    """Refuse runs that take hours where only processors train, and no GPU.

    `devices` are those of the workers that were heard of lately; without any, processors are assumed.

    Raises:
        ConfirmationNeeded: with the estimate.
    """
    sentence = needed_confirmation(runs, shelf, devices)
    if sentence:
        raise ConfirmationNeeded(sentence)


def needed_confirmation(runs: Iterable[NewRun], shelf: Shelf, devices: Collection[str]) -> str | None:
    """Return what a person should know before these are launched; None where it is nothing."""
    if assumed_kind(devices) != "cpu":
        return None
    runs = list(runs)
    seconds = estimated_seconds(runs, shelf)
    if seconds is None or seconds <= LONG_SECONDS:
        return None
    what = f"These {len(runs)} runs take" if len(runs) > 1 else "This run takes"
    return f"{what} about {duration(seconds)} on a CPU with two cores, and no GPU worker is here: confirm to launch."


def assumed_kind(devices: Collection[str]) -> DeviceKind:
    """Return the kind of device that an estimate is for: a GPU where a worker has one."""
    return "cuda" if any(device != CPU for device in devices) else "cpu"


def assumed_device(devices: Collection[str]) -> str:
    """Return, in words, the device that an estimate is for."""
    if not devices:
        return "a CPU with two cores (no worker is here)"
    return "one GPU" if assumed_kind(devices) == "cuda" else "a CPU with two cores"


def estimated_seconds(runs: Iterable[NewRun], shelf: Shelf, kind: DeviceKind = "cpu") -> float | None:
    """Return about how long runs and the parents that come with them take on one device, one after the other.

    None where a data set is not here and nobody knows how large it is.
    """
    seen: set[tuple[str, int]] = set()
    total = 0.0
    for run in runs:
        one: NewRun | None = run
        while one is not None and (key := (one.spec.recipe_hash(), one.spec.seed)) not in seen:
            seen.add(key)
            seconds = _seconds_of(one, shelf, kind)
            if seconds is None:
                return None
            total += seconds
            one = one.parent
    return total


def _seconds_of(run: NewRun, shelf: Shelf, kind: DeviceKind) -> float | None:
    images = shelf.known_images(run.spec.dataset.name)
    return None if images is None else seconds_on(run.spec, images, kind)
