"""R7: sixteen trainings report ten times a second, and pages are read meanwhile.

The writers are processes of their own, as trainings are, and so is the API. The pages are those that a person has open:
one request ten times a second, in turn. In the short form the counts decide alone: a machine that runs other tests at the
same time says little about times, which the figure tells all the same.
"""

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select

from backend.store import migrate
from backend.store.session import Database
from backend.store.tables import Event, Point, Run
from tests.chaos.api_process import ApiProcess
from tests.chaos.backends import Backend
from tests.chaos.goals import FULL, Goal, scaled
from tests.chaos.latency import in_milliseconds, quantile
from tests.chaos.writers import Load, Written, writing
from tests.store import scenes

LOAD = Load(writers=scaled(6, 16), rate_hz=10, points=50, seconds=scaled(5, 60))
PAGE_RATE_HZ = 10.0
COMMIT_P99_SECONDS = 0.1
PAGE_P99_SECONDS = 0.3
LEAST_PAGES = scaled(10, 200)


@pytest.mark.full
def test_many_trainings_report_at_once_while_pages_are_read(
    backend: Backend, goal: Goal, tmp_path: Path
) -> None:
    url = backend.database_url(tmp_path)
    database = Database(url)
    migrate.upgrade(database)
    run_ids = scenes.launch(database, LOAD.writers)
    with ApiProcess(tmp_path / "home", url) as api, writing(url, LOAD) as writers:
        used = CpuUse(api.process)
        writers.go()
        pages = read_pages(api, run_ids, lambda: writers.is_going_on)
        written = writers.result()
        load = used.told(written)
    missing = what_is_missing(database)
    database.dispose()
    commits, commit_p99 = len(written.seconds), quantile(written.seconds, 0.99)
    page_p99 = quantile([seconds for one in pages.values() for seconds in one], 0.99)
    slowest = max(pages, key=lambda path: quantile(pages[path], 0.99))
    told = (
        f"{backend.kind}: {commits} commits by {LOAD.writers} writers in {written.took_seconds:.1f} s, "
        f"{len(written.faults)} errors, {missing} not stored; commit p50 "
        f"{in_milliseconds(quantile(written.seconds, 0.5))}, p99 {in_milliseconds(commit_p99)}; "
        f"{sum(map(len, pages.values()))} pages p99 {in_milliseconds(page_p99)} "
        f"(slowest {slowest}: {in_milliseconds(quantile(pages[slowest], 0.99))}); {load}"
    )
    print(written.faults[:5])  # noqa: T201 -- pytest shows it where the test fails
    reached = commits == LOAD.writers * LOAD.rate_hz * LOAD.seconds and min(map(len, pages.values())) > 0
    reached = reached and sum(map(len, pages.values())) >= LEAST_PAGES
    in_time = commit_p99 < COMMIT_P99_SECONDS and page_p99 < PAGE_P99_SECONDS
    goal.tell(
        "R7",
        told,
        "no errors, nothing missing" + (", commits p99 < 100 ms, pages p99 < 300 ms" if FULL else ""),
        held=reached and not written.faults and missing == 0 and (in_time or not FULL),
    )


def read_pages(api: ApiProcess, run_ids: list[int], goes_on: Callable[[], bool]) -> dict[str, list[float]]:
    """Read pages in turn while the writers go on; return the seconds that each answer took, by page."""
    asked = {
        "/": "/",
        "/api/runs": "/api/runs",
        "/api/runs/ID": f"/api/runs/{run_ids[0]}",
        "/api/runs/ID/points": f"/api/runs/{run_ids[-1]}/points",
        "/api/status": "/api/status",
    }
    took: dict[str, list[float]] = {name: [] for name in asked}
    began, count = time.monotonic(), 0
    with api.client(timeout=60) as http:
        while goes_on():
            for name, path in asked.items():
                # At a pace, as people read: a reader that never rests would measure how fast the API can be asked.
                time.sleep(max(0.0, began + count / PAGE_RATE_HZ - time.monotonic()))
                count += 1
                started = time.monotonic()
                answer = http.get(path)
                took[name].append(time.monotonic() - started)
                assert answer.is_success, f"{path} was answered {answer.status_code}: {answer.text[:200]}"
    return took


def what_is_missing(database: Database) -> int:
    """Return how many points and events of the epochs that were told are not stored, or are stored too often."""
    epochs = LOAD.writers * round(LOAD.rate_hz * LOAD.seconds)
    with database.read() as session:
        points = session.execute(select(func.count()).select_from(Point)).scalar_one()
        events = session.execute(select(func.count()).where(Event.kind == "epoch")).scalar_one()
        summaries = [run.summary["epoch"] for run in session.scalars(select(Run)) if run.summary]
    told = sum(summaries)
    return abs(points - epochs * LOAD.points) + abs(events - epochs) + abs(told - epochs)


class CpuUse:
    """How busy the machine was, and with what."""

    def __init__(self, api: psutil.Process) -> None:
        self._api = api
        self._began = time.monotonic()
        self._api_before = self._cpu_seconds()
        psutil.cpu_percent()

    def told(self, written: Written) -> str:
        """Say it in a few words: all in percent of one core."""
        seconds = time.monotonic() - self._began
        api = (self._cpu_seconds() - self._api_before) / seconds
        writers = written.cpu_seconds / seconds
        cores = psutil.cpu_count() or 1
        return (
            f"{cores} cores {psutil.cpu_percent():.0f}% busy, writers {writers:.0%} and API {api:.0%} of one"
        )

    def _cpu_seconds(self) -> float:
        times = self._api.cpu_times()
        return times.user + times.system
