"""What runs would take before they are launched: their time over the workers that are there, and their memory."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from backend.durations import size
from backend.estimates.memory import memory_bytes
from backend.estimates.time import seconds_on
from backend.forecast import Facts, Parent, QueuedRun, Taker, deal_out
from backend.machines import NOBODY, Machine, assumed, in_words
from backend.readiness import Shelf
from backend.store.launches import NewRun


@dataclass(frozen=True)
class Outlook:
    """An estimate for as many `workers`, the first of which has the `device`.

    `seconds` is until all are done, parents included; `longest` and `shortest` are of one run. All are None where the size
    of a data set is not known, and `seconds` also where a run needs more devices than any worker holds. `basis` says what
    the speeds come from.
    """

    device: str
    workers: int
    basis: str
    seconds: float | None
    shortest: float | None
    longest: float | None
    memory_bytes: int | None
    device_memory_bytes: int | None
    warning: str | None
    """Where no worker holds as many devices as a run needs, or its memory is too small."""


def outlook(runs: Iterable[NewRun], shelf: Shelf, machines: Sequence[Machine]) -> Outlook:
    """Return what runs and the parents that come with them would take of the machines that are there."""
    there = assumed(machines)
    everything = list(each_once(runs))
    sizes = [shelf.known_images(run.spec.dataset.name) for run in everything]
    known = [(run.spec, images) for run, images in zip(everything, sizes, strict=True) if images is not None]
    least = _smallest_memory(there)
    lacking = _lack_of_devices(everything, there)
    if len(known) < len(everything) or not known:
        return Outlook(
            in_words(there), len(there), there[0].speeds.basis, None, None, None, None, least, lacking
        )
    seconds = [[seconds_on(spec, images, one.speeds) for one in there] for spec, images in known]
    needed = max(memory_bytes(spec, images, there[0].speeds, least) for spec, images in known)
    return Outlook(
        device=in_words(there),
        workers=len(there),
        basis=there[0].speeds.basis,
        seconds=_until_all_are_done(everything, seconds, there),
        shortest=min(min(one) for one in seconds),
        longest=max(max(one) for one in seconds),
        memory_bytes=needed,
        device_memory_bytes=least,
        warning=lacking or _lack_of_memory(needed, least, there),
    )


def _until_all_are_done(
    runs: Sequence[NewRun], seconds: Sequence[Sequence[float]], machines: Sequence[Machine]
) -> float | None:
    """Return when the last run ends, dealt out over workers that are all free; `seconds` are by run and worker.

    None where a run needs more devices than any of them holds.
    """
    number = {key_of(run): place for place, run in enumerate(runs)}
    queue = [
        QueuedRun(
            place,
            {str(worker): one for worker, one in enumerate(seconds[place])},
            parent=Parent(number[key_of(run.parent)], "queued") if run.parent else None,
            devices=run.spec.devices,
        )
        for place, run in enumerate(runs)
    ]
    takers = [
        Taker(machine.kind, devices=machine.devices, speed=str(worker))
        for worker, machine in enumerate(machines)
    ]
    ends = deal_out(Facts(queue, takers)).ends
    return max(ends.values()) if len(ends) == len(runs) else None


def _smallest_memory(machines: Sequence[Machine]) -> int | None:
    told = [machine.memory_bytes for machine in machines if machine.memory_bytes is not None]
    return min(told, default=None)


def _lack_of_devices(runs: Sequence[NewRun], machines: Sequence[Machine]) -> str | None:
    needed = max((run.spec.devices for run in runs), default=1)
    most = max(machine.devices for machine in machines)
    if needed <= most or machines[0] is NOBODY:
        return None
    return f"{needed} devices of one worker are needed, and the largest here holds {most}: nothing starts before a larger one comes."


def _lack_of_memory(needed: int, there: int | None, machines: Sequence[Machine]) -> str | None:
    if there is None or needed <= there:
        return None
    device = "GPU" if machines[0].kind == "cuda" else "machine"
    return (
        f"About {size(needed)} of memory are needed, and the {device} has {size(there)}: "
        "smaller batches or images need less."
    )


def each_once(runs: Iterable[NewRun]) -> Iterator[NewRun]:
    """Yield runs and the parents that come with them, each once, a child before its parent."""
    seen: set[tuple[str, int]] = set()
    for run in runs:
        one: NewRun | None = run
        while one is not None and (key := key_of(one)) not in seen:
            seen.add(key)
            yield one
            one = one.parent


def key_of(run: NewRun) -> tuple[str, int]:
    """Return what tells one training from another: its recipe and its seed."""
    return run.spec.recipe_hash(), run.spec.seed
