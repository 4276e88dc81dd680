"""When each run in the queue will start, about, and why it has not yet: from plain facts, for people.

Runs are dealt out as workers do it: whoever is free first takes the first run that is ready. What a training
takes is an estimate (`backend.estimates`), so every time here is one too. It must not know the store or HTTP.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from math import ceil

from backend.contract import MAX_LOSSES, DeviceKind, RunState
from backend.durations import duration

SOON_SECONDS = 5.0
"""An idle worker looks for work every few seconds: what starts within so long, starts now."""


@dataclass(frozen=True)
class Parent:
    """The run that another waits for."""

    run: int
    state: str


@dataclass(frozen=True)
class QueuedRun:
    """A run in the queue. `seconds` is about how long it trains, by `Taker.speed`; None where nobody knows."""

    run: int
    seconds: Mapping[str, float | None]
    parent: Parent | None = None
    """Only of one that still waits for it."""
    ready_in: float = 0.0
    """Seconds until it may be tried again after a loss."""
    losses: int = 0
    """Workers that it lost since its last checkpoint."""
    devices: int = 1
    """So many it needs of one worker."""


@dataclass(frozen=True)
class Taker:
    """A worker that will take runs, and in how many seconds it is free; None where nobody knows."""

    device: DeviceKind
    free_in: float | None = 0.0
    devices: int = 1
    """So many it holds."""
    speed: str = ""
    """What the seconds of runs are told by for it; where it is empty, the kind of device."""


@dataclass(frozen=True)
class Facts:
    """All that a forecast follows from. `queue` is in the order in which runs are claimed."""

    queue: Sequence[QueuedRun]
    takers: Sequence[Taker] = ()
    in_training: Mapping[int, float | None] = field(default_factory=dict)
    """Seconds left of each run in training, also on workers that take no more."""
    paused_for: float | None = None
    present_workers: int = 0
    """Workers that were heard of lately, whether they take runs or not."""
    most_devices: int = 1
    """What the one of them that holds most holds."""
    last_seen_ago: float | None = None
    """Since when no worker was heard of; None: none ever was."""


@dataclass(frozen=True)
class Forecast:
    """What is said of one run. `starts_in` is None where it cannot be known."""

    run: int
    why: str
    starts_in: float | None


@dataclass(frozen=True)
class Schedule:
    """Seconds from now to the start and the end of runs, as far as they can be known."""

    starts: Mapping[int, float]
    ends: Mapping[int, float]


def forecast(facts: Facts) -> list[Forecast]:
    """Return what is to be said of each run in the queue, in its order."""
    schedule = deal_out(facts)
    blocked = _why_nothing_starts(facts)
    ahead = 0
    found = []
    able = {
        needed: [taker for taker in facts.takers if taker.devices >= needed]
        for needed in {run.devices for run in facts.queue}
    }
    for run in facts.queue:
        starts_in = schedule.starts.get(run.run)
        if run.parent is not None:
            why = _why_a_child_waits(run.parent, schedule)
        elif blocked is not None:
            why = blocked
        elif run.ready_in > 0:
            why = f"tries again in {duration(ceil(run.ready_in))}, after loss {run.losses} of {MAX_LOSSES}"
        elif not (takers := able[run.devices]):
            why = _why_no_worker_takes_it(run.devices, facts.most_devices)
        else:
            why = _why_it_stands_in_line(ahead, takers, starts_in)
        found.append(Forecast(run.run, why, starts_in))
        # Those that wait for a parent or for a larger worker let others pass.
        ahead += run.parent is None and bool(able[run.devices])
    return found


def deal_out(facts: Facts) -> Schedule:
    """Return the schedule that the workers come to: the first free one takes the first run that is ready."""
    starts: dict[int, float] = {}
    ends = {run: left for run, left in facts.in_training.items() if left is not None}
    children: dict[int, list[int]] = defaultdict(list)
    for place, run in enumerate(facts.queue):
        if run.parent is not None:
            children[run.parent.run].append(place)
    takers = [] if facts.paused_for is not None else facts.takers
    free = [(taker.free_in, index) for index, taker in enumerate(takers) if taker.free_in is not None]
    heapify(free)
    later = [(at, place) for place, run in enumerate(facts.queue) if (at := _ready_at(run, ends)) is not None]
    heapify(later)
    ready: dict[int, list[int]] = defaultdict(list)  # heaps of places, by the devices that the runs need
    resting: list[tuple[float, int]] = []  # workers for which nothing is left, unless a child comes
    while free:
        now, index = heappop(free)
        while later and later[0][0] <= now:
            place = heappop(later)[1]
            heappush(ready[facts.queue[place].devices], place)
        fitting = [places for needed, places in ready.items() if places and needed <= takers[index].devices]
        if not fitting:
            if later:  # it waits for the first that will be ready
                heappush(free, (later[0][0], index))
            else:
                resting.append((now, index))
            continue
        run = facts.queue[heappop(min(fitting))]
        starts[run.run] = now
        seconds = run.seconds.get(takers[index].speed or takers[index].device)
        if seconds is None:
            continue  # nobody knows when this worker is free again
        ends[run.run] = now + seconds
        heappush(free, (now + seconds, index))
        for place in children[run.run]:
            heappush(later, (now + seconds, place))
            while resting:
                heappush(free, resting.pop())
    return Schedule(starts, ends)


def _ready_at(run: QueuedRun, ends: Mapping[int, float]) -> float | None:
    """Return in how many seconds a run may be claimed; None where that follows from another run in the queue."""
    if run.parent is None:
        return run.ready_in
    return 0.0 if run.parent.state == RunState.COMPLETED else ends.get(run.parent.run)


def _why_nothing_starts(facts: Facts) -> str | None:
    if facts.paused_for is not None:
        return f"The queue has been paused for {_time(facts.paused_for)}."
    if facts.takers:
        return None
    if facts.present_workers:
        return "All workers are drained or leaving."
    if facts.last_seen_ago is None:
        return "No worker has been seen yet."
    return f"No worker has been seen for {_time(facts.last_seen_ago)}."


def _why_a_child_waits(parent: Parent, schedule: Schedule) -> str:
    end = schedule.ends.get(parent.run)
    about = "" if end is None else f" (about {_time(end)})"
    return f"waits for run {parent.run}, which is {parent.state}{about}"


def _why_no_worker_takes_it(devices: int, most_devices: int) -> str:
    lack = (
        "no worker holds so many" if most_devices < devices else "the workers that hold so many take no runs"
    )
    return f"needs {devices} devices of one worker; {lack}"


def _why_it_stands_in_line(ahead: int, takers: Sequence[Taker], starts_in: float | None) -> str:
    parts = [f"{ahead} ahead", _in_words(takers)] if ahead else ["next"]
    if starts_in is not None and starts_in >= SOON_SECONDS:
        parts.append(f"about {duration(starts_in)}")
    elif starts_in is not None and ahead:
        parts.append("in a moment")
    return ", ".join(parts)


def _time(seconds: float) -> str:
    return duration(max(1.0, seconds))  # "0 s" would be no time


def _in_words(takers: Sequence[Taker]) -> str:
    """Return the workers by their devices: "2 workers on GPUs and 1 on a CPU"."""
    counts = Counter(taker.device for taker in takers)
    parts: list[str] = []
    for device, name in (("cuda", "GPU"), ("cpu", "CPU")):
        if number := counts[device]:
            workers = "" if parts else " workers" if number > 1 else " worker"
            parts.append(f"{number}{workers} on {name + 's' if number > 1 else 'a ' + name}")
    return " and ".join(parts)
