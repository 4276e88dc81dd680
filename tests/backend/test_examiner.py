"""The thread that keeps findings: what it follows, how often it looks, what it catches up, and what it tells."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from backend import examiner as examining_thread
from backend.analysis.findings.registry import RULES
from backend.contract import RunState
from backend.examiner import TRAINING_SECONDS, Examiner
from backend.processes import wait_until
from backend.store import events, findings, predictions, revive
from backend.store.attempts import Claimed
from backend.store.session import Database
from tests.store import scenes

GOOD = {"train_loss": 1.9, "train_acc": 0.3, "test_loss": 1.8, "test_acc": 0.35}
GONE = {"train_loss": math.nan, "train_acc": 0.1, "test_loss": math.nan, "test_acc": 0.1}
LABELS = bytes(number % 10 for number in range(100))


@dataclass
class Looks:
    """Counts the examinations, by run."""

    seen: list[int]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    counted = Looks([])
    read = examining_thread.read_evidence

    def counting(session, run_id: int):
        counted.seen.append(run_id)
        return read(session, run_id)

    monkeypatch.setattr(examining_thread, "read_evidence", counting)
    return counted


def begun(database: Database, epochs: int = 10) -> Claimed:
    scenes.launch(database, epochs=epochs)
    with database.write() as session:
        predictions.describe_test_set(session, "5" * 64, [f"class {number}" for number in range(10)], LABELS)
    return scenes.claim(database)


def tell(database: Database, claimed: Claimed, epoch: int, metrics: dict, **more) -> None:
    assert scenes.report(database, claimed, epoch, metrics, predictions=("5" * 64, LABELS), **more)


def kept(database: Database, run_id: int) -> list[str]:
    with database.read() as session:
        return [one.rule for one in findings.read(session, [run_id]).get(run_id, [])]


def told(database: Database, run_id: int) -> list[list[dict]]:
    """Return the findings of each event that told of new ones."""
    with database.read() as session:
        return [
            one.payload["findings"]
            for one in events.after(session, 0, run_id=run_id)
            if one.kind == "findings"
        ]


def going(database: Database) -> Callable[[float], None]:
    """Return an examiner's tick, after its first: until nothing is left that is due."""
    one = Examiner(database)

    def tick(now: float) -> None:
        one.tick(now)
        while one._backlog or any(at <= now for at in one._due.values()):
            one.tick(now)

    tick(0.0)
    return tick


def test_a_run_that_diverges_is_found_while_it_trains_and_pages_are_told_once(
    sqlite_database: Database,
) -> None:
    tick = going(sqlite_database)
    claimed = begun(sqlite_database)
    tell(sqlite_database, claimed, 1, GOOD)
    tick(1.0)
    assert kept(sqlite_database, claimed.run_id) == []
    tell(sqlite_database, claimed, 2, GONE)
    tell(sqlite_database, claimed, 3, GONE)
    tick(2.0)
    assert kept(sqlite_database, claimed.run_id) == [], "it was looked at a second ago"
    tick(1.0 + TRAINING_SECONDS)
    assert kept(sqlite_database, claimed.run_id) == ["diverged"]
    tell(sqlite_database, claimed, 4, GONE)
    tick(100.0)
    mark = {"rule": "diverged", "title": RULES["diverged"].title, "severity": "sick", "epoch": 2}
    assert told(sqlite_database, claimed.run_id) == [[mark]]


def test_a_run_that_trains_is_looked_at_every_few_seconds_and_once_more_at_its_end(
    sqlite_database: Database, looks: Looks
) -> None:
    tick = going(sqlite_database)
    claimed = begun(sqlite_database, epochs=50)
    tick(0.5)
    looks.seen.clear()
    for second in range(1, 31):
        tell(sqlite_database, claimed, second, GOOD)
        tick(float(second))
    assert 1 <= len(looks.seen) <= 1 + 30 / TRAINING_SECONDS
    looks.seen.clear()
    assert scenes.end(sqlite_database, claimed, RunState.COMPLETED)
    tick(30.1)
    assert looks.seen == [claimed.run_id]
    for second in range(31, 100):
        tick(float(second))
    assert looks.seen == [claimed.run_id], "nothing happens to it any more"


def test_what_happened_while_the_service_was_down_is_caught_up_and_nothing_else(
    sqlite_database: Database, looks: Looks
) -> None:
    tick = going(sqlite_database)
    early = begun(sqlite_database)
    tell(sqlite_database, early, 1, GOOD)
    assert scenes.end(sqlite_database, early, RunState.FAILED)
    tick(1.0)
    late = begun(sqlite_database)
    tell(sqlite_database, late, 1, GOOD)
    tell(sqlite_database, late, 2, GONE)
    assert scenes.end(sqlite_database, late, RunState.COMPLETED)
    looks.seen.clear()
    going(sqlite_database)
    assert looks.seen == [late.run_id]
    assert kept(sqlite_database, late.run_id) == ["diverged"]
    looks.seen.clear()
    going(sqlite_database)
    assert looks.seen == []


def test_other_rules_look_at_everything_again(
    sqlite_database: Database, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed = begun(sqlite_database)
    tell(sqlite_database, claimed, 1, GONE)
    assert scenes.end(sqlite_database, claimed, RunState.COMPLETED)
    going(sqlite_database)
    looks.seen.clear()
    monkeypatch.setattr(examining_thread, "rules_version", lambda: "of tomorrow")
    going(sqlite_database)
    assert looks.seen == [claimed.run_id]


def test_findings_go_with_the_attempt_that_they_are_of(sqlite_database: Database) -> None:
    tick = going(sqlite_database)
    claimed = begun(sqlite_database)
    tell(sqlite_database, claimed, 1, GOOD, checkpoint=scenes.pointer(1))
    tell(sqlite_database, claimed, 2, GONE)
    assert scenes.end(sqlite_database, claimed, RunState.FAILED)
    tick(1.0)
    assert kept(sqlite_database, claimed.run_id) == ["diverged"]
    with sqlite_database.write() as session:
        revive.resume(session, claimed.run_id)
    again = scenes.claim(sqlite_database)  # goes back to the end of the first epoch
    tick(1.1)
    assert kept(sqlite_database, claimed.run_id) == []
    assert told(sqlite_database, claimed.run_id)[-1] == []
    tell(sqlite_database, again, 2, GONE)
    assert scenes.end(sqlite_database, again, RunState.FAILED)
    tick(1.2)
    assert kept(sqlite_database, claimed.run_id) == ["diverged"]
    with sqlite_database.write() as session:
        revive.retry(session, claimed.run_id)
    assert kept(sqlite_database, claimed.run_id) == [], "at once, with its curves"
    tick(1.3)
    assert kept(sqlite_database, claimed.run_id) == []


def test_a_run_that_cannot_be_examined_keeps_no_other_from_it(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = begun(sqlite_database), begun(sqlite_database)
    for claimed in (bad, good):
        tell(sqlite_database, claimed, 1, GONE)
        assert scenes.end(sqlite_database, claimed, RunState.COMPLETED)
    read = examining_thread.read_evidence

    def broken(session, run_id: int):
        if run_id == bad.run_id:
            raise ZeroDivisionError
        return read(session, run_id)

    monkeypatch.setattr(examining_thread, "read_evidence", broken)
    going(sqlite_database)
    assert kept(sqlite_database, good.run_id) == ["diverged"]
    assert kept(sqlite_database, bad.run_id) == []


def test_a_deleted_run_and_one_that_nobody_began_are_no_work(sqlite_database: Database, looks: Looks) -> None:
    tick = going(sqlite_database)
    claimed = begun(sqlite_database)
    assert scenes.end(sqlite_database, claimed, RunState.FAILED)
    scenes.launch(sqlite_database, 3)
    with sqlite_database.write() as session:
        revive.purge(session, claimed.run_id)
    tick(1.0)
    assert looks.seen == []


def test_the_thread_examines_what_is_there_and_ends_when_it_is_closed(sqlite_database: Database) -> None:
    claimed = begun(sqlite_database)
    tell(sqlite_database, claimed, 1, GONE)
    assert scenes.end(sqlite_database, claimed, RunState.COMPLETED)
    one = Examiner(sqlite_database)
    one.start()
    assert wait_until(lambda: kept(sqlite_database, claimed.run_id) == ["diverged"], 60)
    one.close()
    assert not one.thread.is_alive()
