"""R16: a stack that trains, is read and is launched on for a long time uses no more than after its first minutes.

One worker trains small runs one after the other, while pages are read, streams are opened and broken off, and launches come
that are taken back. In full the median of the last third is compared with that of the middle third; the first one is warming
up. On SQLite: its log is among what must not grow, and what leaks in the service and the worker leaks on either store.

Half a minute says nothing of memory, which is told and hardly bounded there. The short form asks what it can: whether the
handles and threads of each training and each stream are given back.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from backend.contract import FINAL
from backend.processes import wait_until
from tests.chaos.goals import FULL, Goal
from tests.chaos.vitals import Growth, Vitals, Watch, growth_between, growth_of_thirds
from tests.processes.stack import Stack

GIVEN_MINUTES = os.environ.get("RUNYARD_SOAK_MINUTES")
MINUTES = float(GIVEN_MINUTES or (30 if FULL else 0))
SAMPLE_SECONDS = 5.0
LEAST_RUNS_A_MINUTE = 2
SHORT_RUNS = 3
STREAMS_A_RUN = 4

# From the middle third to the last one lie 10 of 30 minutes: what leaks a MiB a minute, 1.4 GiB a day, is seen.
# Handles and threads come with trainings and streams, and go; the medians differ by one or two from chance alone.
# SQLite empties its log from the start again once it holds 1,000 pages, 4 MiB.
BOUNDS = {"memory": ("MiB", 8.0), "handles": ("", 2), "threads": ("", 2), "log": ("MiB", 4.0)}
SHORT_BOUNDS = BOUNDS | {"memory": ("MiB", 64.0)}

if MINUTES:
    pytestmark = pytest.mark.timeout(MINUTES * 60 * 2 + 600)


@dataclass
class Done:
    runs: int = 0
    pages: int = 0
    streams: int = 0
    taken_back: int = 0


@pytest.mark.full
def test_memory_handles_threads_and_the_log_stay_flat(goal: Goal, tmp_path: Path) -> None:
    with Stack(tmp_path / "home", poll_seconds=0.5) as stack:
        bearer = {"Authorization": f"Bearer {stack.token_file.read_text().strip()}"}
        address = f"http://127.0.0.1:{stack.port}"
        with httpx.Client(base_url=address, headers=bearer, timeout=60, trust_env=False) as http:
            grown, done = soak(stack, http) if MINUTES else breathe(stack, http)
    steep = [one for one in grown if not one.is_flat]
    what = f"{MINUTES:g} minutes" if MINUTES else "short"
    figure = (
        f"{what}: {done.runs} trainings, {done.pages} pages, {done.streams} streams, {done.taken_back} launches "
        f"taken back; {', '.join(map(str, grown))}"
    )
    bound = BOUNDS if MINUTES else SHORT_BOUNDS
    least_runs = MINUTES * LEAST_RUNS_A_MINUTE if MINUTES else SHORT_RUNS
    told = ", ".join(f"{name} +{most:g}{unit and ' ' + unit}" for name, (unit, most) in bound.items())
    goal.tell(
        "R16",
        figure,
        f"at most {told}; at least {least_runs:g} trainings",
        held=not steep and done.runs >= least_runs,
    )


def soak(stack: Stack, http: httpx.Client) -> tuple[list[Growth], Done]:
    """Live for the minutes that were asked for; return what grew after the first third."""
    done = Done()
    live(stack, http, done)  # the first training makes the data set
    vitals = Vitals(stack, BOUNDS)
    ends = time.monotonic() + MINUTES * 60
    with Watch(vitals.sample, SAMPLE_SECONDS) as watch:
        while time.monotonic() < ends and watch.fault is None:
            live(stack, http, done)
    assert watch.fault is None, f"{watch.fault}: {stack.story()}"
    assert len(watch.samples) >= MINUTES * 60 / SAMPLE_SECONDS / 2, "too few samples to compare"
    return growth_of_thirds(watch.samples), done


def breathe(stack: Stack, http: httpx.Client) -> tuple[list[Growth], Done]:
    """Live for a few trainings; return what was not given back after the last one."""
    done = Done()
    live(stack, http, done)
    vitals = Vitals(stack, SHORT_BOUNDS)
    before = vitals.sample()
    for _ in range(SHORT_RUNS - 1):
        live(stack, http, done)
    grown = lambda: growth_between(before, vitals.sample())  # noqa: E731
    # What ended has a moment to go: a stream is found broken at its next sign of life.
    wait_until(lambda: all(one.is_flat for one in grown()), 60.0, 0.2)
    return grown(), done


def live(stack: Stack, http: httpx.Client, done: Done) -> None:
    """Train one small run to its end, and do meanwhile what people and their browsers do."""
    run_id = stack.launch(
        epochs=3, dataset={"name": "shapes", "train_limit": 256, "test_limit": 50}, seed=done.runs
    )
    taken_back = stack.launch(epochs=3, seed=done.runs)
    stack.client.cancel(taken_back)
    done.taken_back += 1
    for _ in range(STREAMS_A_RUN):
        listen(http, done)
    pages = (
        "/",
        "/api/runs?limit=50",
        f"/api/runs/{run_id}",
        f"/api/runs/{run_id}/points",
        f"/api/runs/{run_id}/figures",
        f"/api/runs/{run_id}/log",
        "/api/queue",
        "/api/status",
    )
    for page in pages:
        read(http, page, done)
    stack.until(lambda: read(http, f"/api/runs/{run_id}", done)["state"] in FINAL, 120)
    assert stack.state(run_id) == "completed", stack.story()
    done.runs += 1


def read(http: httpx.Client, path: str, done: Done):
    answer = http.get(path)
    assert answer.is_success, f"{path} was answered {answer.status_code}: {answer.text[:200]}"
    done.pages += 1
    return answer.json() if path.startswith("/api/") else answer.text


def listen(http: httpx.Client, done: Done) -> None:
    """Open a stream, hear something, and break it off as a closed tab does."""
    cursor = read(http, "/api/runs?limit=1", done)["cursor"]
    store, _, last = cursor.rpartition("-")
    with http.stream("GET", "/api/events", params={"after": f"{store}-{int(last) - 1}"}) as stream:
        assert next(stream.iter_lines()).startswith("event: ")
    done.streams += 1
