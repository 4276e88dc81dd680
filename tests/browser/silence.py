"""A service in the tests' own process whose workers fell silent: nothing moves in it but what a test does.

Lease and patience are an hour, so that what is stale now stays stale while a test looks at it.
"""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page
from pydantic import SecretStr

from backend.contract import RunState
from backend.settings import Settings
from backend.store import attempts, clock, migrate, workers
from backend.store.attempts import Claimed
from backend.store.session import Database
from tests.backend.served import Served, serving
from tests.browser.conftest import log_in
from tests.conftest import TOKEN
from tests.store import scenes

HOUR = 3600.0
MINUTE = 60.0
WORKERS = {
    "busy": "worker-0@here:1-00000000-00000000",
    "idle": "worker-1@here:2-00000000-00000000",
    "stale": "worker-2@there:3-00000000-00000000",
    "lost": "worker-3@there:4-00000000-00000000",
    "lost without a run": "worker-4@elsewhere:5-00000000-00000000",
}
CPU = {"device": "cpu", "device_name": "CPU, 2 cores", "version": "0"}
KILLED = "The training process was ended by SIGKILL."


@dataclass(frozen=True)
class Silence:
    """`stale` is in training and not heard of, `waits` lost its worker and waits, `busy` is trained."""

    service: Served
    database: Database
    busy: int
    stale: int
    waits: int

    def explains(self, complaint: str) -> bool:
        """Return whether a page only misses files of the run that waits: its checkpoint is a name in the store."""
        files = rf"{self.service.address}/api/runs/{self.waits}/(checkpoints|predictions|mistakes)(\?[^]]*)?"
        return re.search(rf"status of 404 .*\[{files}\]$", complaint) is not None

    def heard_of(self, run_id: int, lease_seconds: float) -> None:
        """Let the attempt that has a run report, as its recorder does."""
        with self.database.write() as session:
            run = scenes.run(session, run_id)
            assert attempts.renew(session, run_id, run.attempt, run.owner, lease_seconds)


@contextmanager
def silence(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Silence]:
    settings = Settings(
        home=home, token=SecretStr(TOKEN), lease_seconds=HOUR, worker_lost_seconds=HOUR, backoff_seconds=600
    )
    settings.make_home()
    database = Database(settings.resolved_database_url)
    migrate.upgrade(database)
    with serving(settings, database, monkeypatch) as service:
        yield _filled(service, database)
    database.dispose()


def complaint(message: ConsoleMessage) -> str:
    return f"{message.text} [{message.location['url']}]"


@contextmanager
def looking_at(there: Silence, browser: Browser, colours: Any = "light", width: int = 1280) -> Iterator[Page]:
    """Yield a page that is logged in; what it complains of, but for files that are not there, fails the test."""
    said: list[str] = []
    look = {"color_scheme": colours, "viewport": {"width": width, "height": 900}}
    with closing(browser.new_context(base_url=there.service.address, **look)) as context:
        log_in(context, TOKEN)
        page = context.new_page()
        page.on(
            "console", lambda one: said.append(complaint(one)) if one.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda problem: said.append(str(problem)))
        yield page
    unexpected = [text for text in said if not there.explains(text)]
    assert not unexpected, unexpected


def _filled(service: Served, database: Database) -> Silence:
    with database.read() as session:
        now = clock.read_now(session)
    waits = _often_lost(database, now)
    (stale,) = scenes.launch(database)
    _claimed(database, WORKERS["stale"], now - 40 * MINUTE)
    (busy,) = scenes.launch(database)
    heard_of = _claimed(database, WORKERS["busy"], now)
    scenes.report(database, heard_of, 1, {"test_acc": 0.5, "train_loss": 1.0})
    with database.write() as session:
        attempts.renew(session, busy, heard_of.attempt, heard_of.owner, HOUR)
    silent_for = {"stale": 40 * MINUTE, "lost": 3 * HOUR, "lost without a run": 20 * HOUR}
    for kind, worker_id in WORKERS.items():
        with database.write() as session:
            session.info["clock"] = lambda kind=kind: now - silent_for.get(kind, 0.0)
            workers.register(session, worker_id, host=worker_id.partition("@")[2].partition(":")[0], **CPU)
    return Silence(service, database, busy, stale, waits)


def _often_lost(database: Database, now: float) -> int:
    """Return a run of three attempts: one was killed, one stopped with its worker, one lost with it; it waits now."""
    (run_id,) = scenes.launch(database)
    first = _claimed(database, WORKERS["busy"], now - 5 * HOUR)
    scenes.report(database, first, 1, {"test_acc": 0.4, "train_loss": 2.0}, scenes.pointer(1))
    with database.write() as session:
        session.info["clock"] = lambda: now - 4.5 * HOUR
        attempts.lose(session, run_id, first.attempt, first.owner, KILLED, backoff_seconds=2)
    second = _claimed(database, WORKERS["idle"], now - 4.4 * HOUR)
    with database.write() as session:
        session.info["clock"] = lambda: now - 4 * HOUR
        attempts.release(session, run_id, second.attempt, second.owner)
    _claimed(database, WORKERS["lost"], now - 3.5 * HOUR)
    assert scenes.expire_at(database, now, backoff_seconds=600) == 1
    assert scenes.state(database, run_id) == RunState.QUEUED
    return run_id


def _claimed(database: Database, owner: str, at: float) -> Claimed:
    with database.write() as session:
        session.info["clock"] = lambda: at
        claimed = attempts.claim(session, owner, HOUR)
    assert claimed is not None
    return claimed
