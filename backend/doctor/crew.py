"""The workers, and the runs that do not get on: as the database tells, or where that is elsewhere, the service."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from backend.client import Client
from backend.contract import FINAL, MAX_LOSSES, RunState
from backend.doctor.finding import Finding, fault, note, ok
from backend.durations import duration
from backend.settings import Settings
from backend.store import clock, queue_order, runs, workers

WORKERS = "workers"
RUNS = "runs"
MOST_NAMED = 5
OVERDUE_SECONDS = 15.0
"""After the end of a lease: by then whoever takes runs back has done so, if it runs."""


@dataclass(frozen=True)
class SeenWorker:
    id: str
    state: str
    silent_seconds: float
    devices: int
    takes_runs: bool


@dataclass(frozen=True)
class Waiting:
    """A run in the queue. `parent_state` is that of the run that it waits for, if it does."""

    run: int
    devices: int
    ready_in: float = 0.0
    losses: int = 0
    parent: int | None = None
    parent_state: str | None = None


@dataclass(frozen=True)
class Crew:
    workers: list[SeenWorker]
    queue: list[Waiting]
    paused_for: float | None = None
    overdue: tuple[tuple[int, float], ...] = ()
    """Runs in training with the seconds since their lease ended."""


def look_at_store(session: Session, settings: Settings) -> Crew:
    now = clock.read_now(session)
    paused_at = queue_order.paused_at(session)
    found = workers.standings(session, settings.worker_lost_seconds, settings.lease_seconds)
    return Crew(
        [
            SeenWorker(
                one.worker.id, one.state, now - one.worker.last_seen, one.worker.devices, one.takes_runs
            )
            for one in found
        ],
        [_waiting(entry, now) for entry in queue_order.entries(session)],
        None if paused_at is None else now - paused_at,
        tuple(
            (run.id, now - run.lease_until)
            for run in runs.owned(session)
            if run.lease_until is not None and now - run.lease_until > OVERDUE_SECONDS
        ),
    )


def ask_service(client: Client) -> Crew:
    """Return what the service tells: less, as it says itself why each run waits."""
    status = client.status()
    now = datetime.fromisoformat(status["at"])
    seconds = lambda then: (now - datetime.fromisoformat(then)).total_seconds()  # noqa: E731
    devices: dict[str, Any] = {one["id"]: one["devices"] for one in client.workers()}
    return Crew(
        [
            SeenWorker(
                one["id"],
                one["state"],
                seconds(one["last_seen"]),
                devices.get(one["id"], 1),
                one["takes_runs"],
            )
            for one in status["workers"]
        ],
        [Waiting(one["run"], 1) for one in client.queue()["runs"] if one["state"] == RunState.QUEUED],
        seconds(status["paused_at"]) if status["paused_at"] else None,
    )


def judge_crew(crew: Crew) -> list[Finding]:
    return [*_judge_workers(crew), *_judge_runs(crew)]


def _judge_workers(crew: Crew) -> list[Finding]:
    if not crew.workers:
        return [_nobody(crew, "No worker is here.")]
    here = [one for one in crew.workers if one.state not in ("lost", "stale")]
    lost = [one for one in crew.workers if one.state == "lost"]
    stale = [one for one in crew.workers if one.state == "stale"]
    states = Counter(one.state for one in here)
    told = ", ".join(f"{number} {state}" for state, number in states.items())
    if here:
        found = [ok(WORKERS, f"{len(here)} here: {told}.")]
    elif stale:
        found = []
    else:
        found = [_nobody(crew, f"No worker was heard of for {duration(_silence(lost))}.")]
    found += [
        note(WORKERS, f"{_who(one)} is stale.", "see the Workers page for what is late") for one in stale
    ]
    if here and lost:
        found.append(_lost(lost))
    if here and not any(one.takes_runs for one in crew.workers):
        found.append(
            note(
                WORKERS,
                "None takes a further run: all are drained or leaving.",
                "runyard workers undrain WORKER",
            )
        )
    return found


def _nobody(crew: Crew, sentence: str) -> Finding:
    """Tell that no worker is here: a fault once a run waits for one."""
    if not crew.queue:
        return note(WORKERS, sentence, "runyard up starts one for each device")
    waits = "1 run waits" if len(crew.queue) == 1 else f"{len(crew.queue)} runs wait"
    return fault(
        WORKERS, f"{sentence.removesuffix('.')}, and {waits}.", "runyard up starts one for each device"
    )


def _lost(lost: list[SeenWorker]) -> Finding:
    named = "; ".join(_who(one) for one in lost[:MOST_NAMED])
    return note(
        WORKERS, f"{len(lost)} lost: {named}.", f"start them again, or: runyard workers forget {lost[0].id}"
    )


def _who(one: SeenWorker) -> str:
    return f"{one.id} (last heard of {duration(one.silent_seconds)} ago)"


def _silence(found: list[SeenWorker]) -> float:
    return min(one.silent_seconds for one in found)


def _judge_runs(crew: Crew) -> list[Finding]:
    found: list[Finding] = []
    if crew.paused_for is not None:
        inside = "1 run is" if len(crew.queue) == 1 else f"{len(crew.queue)} runs are"
        sentence = f"The queue is paused for {duration(crew.paused_for)}, and {inside} in it."
        found.append(note(RUNS, sentence, "runyard queue resume"))
    found += _judge_devices(crew)
    for run, seconds in crew.overdue[:MOST_NAMED]:
        sentence = (
            f"Run {run} is in training, but its lease ended {duration(seconds)} ago and nobody took it back."
        )
        found.append(fault(RUNS, sentence, "runyard up: the service and idle workers take such runs back"))
    for one in crew.queue:
        if one.parent_state in FINAL:
            sentence = f"Run {one.run} waits for run {one.parent}, which is {one.parent_state}."
            found.append(fault(RUNS, sentence, "runyard up: the service moves such runs on"))
    again = [one for one in crew.queue if one.ready_in > 0]
    for one in again[:MOST_NAMED]:
        after = f"after loss {one.losses} of {MAX_LOSSES}"
        found.append(note(RUNS, f"Run {one.run} is tried again in {duration(one.ready_in)}, {after}."))
    return found or [ok(RUNS, f"None is stuck; {len(crew.queue)} wait for their turn.")]


def _judge_devices(crew: Crew) -> list[Finding]:
    most = max((one.devices for one in crew.workers if one.state != "lost"), default=0)
    too_large = [one for one in crew.queue if most and one.devices > most]
    return [
        fault(
            RUNS,
            f"Run {one.run} needs {one.devices} devices of one worker; the largest worker here holds {most}.",
            f"runyard up --devices-per-worker {one.devices}, or: runyard cancel {one.run}",
        )
        for one in too_large[:MOST_NAMED]
    ]


def _waiting(entry: queue_order.Entry, now: float) -> Waiting:
    waits = entry.state == RunState.WAITING
    return Waiting(
        entry.run_id,
        entry.spec.get("devices", 1),
        max(0.0, entry.not_before - now),
        entry.losses,
        entry.parent_id if waits else None,
        entry.parent_state if waits else None,
    )
