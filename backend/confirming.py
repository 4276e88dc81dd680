"""Whether a launch takes so long on the devices that are there that a person should have said yes to it."""

from collections.abc import Collection, Iterable

from backend.devices import CPU
from backend.errors import ConfirmationNeeded
from backend.estimates import LONG_SECONDS, seconds_for
from backend.launching import Shelf
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
    if any(device != CPU for device in devices):
        return None
    runs = list(runs)
    seconds = estimated_seconds(runs, shelf)
    if seconds <= LONG_SECONDS:
        return None
    what = f"These {len(runs)} runs take" if len(runs) > 1 else "This run takes"
    return f"{what} about {duration(seconds)} on a CPU with two cores, and no GPU worker is here: confirm to launch."


def estimated_seconds(runs: Iterable[NewRun], shelf: Shelf) -> float:
    """Return about how long runs and the parents that come with them take on a CPU, one after the other."""
    seen: set[tuple[str, int]] = set()
    total = 0.0
    for run in runs:
        one: NewRun | None = run
        while one is not None and (key := (one.spec.recipe_hash(), one.spec.seed)) not in seen:
            seen.add(key)
            images = shelf.all_images()[one.spec.dataset.name]
            train_count = min(one.spec.dataset.train_limit or images.train_count, images.train_count)
            test_count = min(one.spec.dataset.test_limit or images.test_count, images.test_count)
            total += seconds_for(one.spec, train_count, test_count, device="cpu", stored_pixels=images.pixels)
            one = one.parent
    return total


def duration(seconds: float) -> str:
    """Return a time in the unit that fits it: "40 s", "12 min", "3.5 h", "4 days"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.0f} days"
