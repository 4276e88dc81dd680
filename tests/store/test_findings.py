"""What is kept of findings: written only where it still counts, gone with the numbers that it was read from; on both databases."""

import threading

import pytest

from backend.contract import RunState
from backend.errors import RunyardError
from backend.store import events, findings, revive, runs
from backend.store.findings import Found
from backend.store.session import Database
from tests.store import scenes

RULES = "rules of today"
COLLAPSED = Found("collapsed", "sick", 2)
IMPROVING = Found("still-improving", "note", 1)


def newest(database: Database) -> int:
    with database.read() as session:
        return events.last_id(session)


def keep(
    database: Database, run_id: int, *found: Found, event_id: int | None = None, rules: str = RULES
) -> bool | None:
    at = newest(database) if event_id is None else event_id
    with database.write() as session:
        return findings.replace(session, run_id, found, event_id=at, rules=rules)


def kept(database: Database, run_id: int) -> list[Found]:
    with database.read() as session:
        return findings.read(session, [run_id]).get(run_id, [])


def behind(database: Database, rules: str = RULES) -> list[int]:
    with database.read() as session:
        return findings.behind(session, rules)


def trained(database: Database, epochs: int = 2, state: RunState = RunState.FAILED) -> int:
    """Return a run that told some epochs and ended."""
    (run_id,) = scenes.launch(database)
    claimed = scenes.claim(database)
    for epoch in range(1, epochs + 1):
        assert scenes.report(database, claimed, epoch, {"test_acc": 0.1}, scenes.pointer(epoch))
    assert scenes.end(database, claimed, state)
    return run_id


def test_what_is_found_takes_the_place_of_what_was(database: Database) -> None:
    run_id = trained(database)
    assert keep(database, run_id, COLLAPSED, IMPROVING) is True
    assert kept(database, run_id) == [COLLAPSED, IMPROVING]
    assert keep(database, run_id, IMPROVING, COLLAPSED) is False, "in another order it is the same"
    assert keep(database, run_id, IMPROVING) is True
    assert kept(database, run_id) == [IMPROVING]
    assert keep(database, run_id) is True
    assert kept(database, run_id) == []


def test_an_older_look_does_not_undo_a_newer_one(database: Database) -> None:
    run_id = trained(database)
    assert keep(database, run_id, COLLAPSED, event_id=newest(database)) is True
    assert keep(database, run_id, IMPROVING, event_id=newest(database) - 1) is None
    assert kept(database, run_id) == [COLLAPSED]


def test_a_run_that_is_deleted_or_not_there_keeps_nothing(database: Database) -> None:
    run_id = trained(database)
    keep(database, run_id, COLLAPSED)
    with database.write() as session:
        revive.purge(session, run_id)
    assert kept(database, run_id) == []
    assert keep(database, run_id, COLLAPSED) is None
    assert keep(database, 999, COLLAPSED) is None
    assert kept(database, run_id) == []
    assert behind(database) == []


def test_a_retry_takes_back_what_was_found_and_tells_it(database: Database) -> None:
    run_id = trained(database)
    seen = newest(database)
    keep(database, run_id, COLLAPSED)
    with database.write() as session:
        revive.retry(session, run_id)
    assert kept(database, run_id) == []
    assert scenes.kinds(database, run_id)[-3:] == ["findings", "rewind", "state"]
    assert keep(database, run_id, COLLAPSED, event_id=seen) is None, "these numbers are set aside"
    assert kept(database, run_id) == []


def test_a_retry_of_a_run_of_which_nothing_was_found_tells_no_findings(database: Database) -> None:
    run_id = trained(database)
    with database.write() as session:
        revive.retry(session, run_id)
    assert "findings" not in scenes.kinds(database, run_id)


def test_a_refused_retry_takes_nothing_back(database: Database) -> None:
    run_id = trained(database, state=RunState.COMPLETED)
    keep(database, run_id, COLLAPSED)
    with pytest.raises(RunyardError), database.write() as session:
        revive.retry(session, run_id)
    assert kept(database, run_id) == [COLLAPSED]


def test_what_was_read_before_a_rewind_is_not_kept(database: Database) -> None:
    run_id = trained(database)
    seen = newest(database)
    with database.write() as session:
        revive.resume(session, run_id)
    scenes.claim(database, "worker-b")  # rewinds it to its checkpoint
    assert keep(database, run_id, COLLAPSED, event_id=seen) is None
    assert keep(database, run_id, COLLAPSED) is True


def test_those_are_behind_that_moved_or_were_examined_by_other_rules(database: Database) -> None:
    one, other = trained(database), trained(database)
    (untouched,) = scenes.launch(database)
    assert behind(database) == [other, one], "never examined, the newest first; not one that nobody began"
    keep(database, one)
    keep(database, other, COLLAPSED)
    assert behind(database) == []
    assert behind(database, "other rules") == [other, one]
    with database.write() as session:
        revive.resume(session, one)
    assert behind(database) == [one]
    assert untouched not in behind(database)


def test_that_findings_changed_is_no_news_to_be_examined(database: Database) -> None:
    run_id = trained(database)
    with database.write() as session:
        seen = events.last_id(session)
        findings.replace(session, run_id, [COLLAPSED], event_id=seen, rules=RULES)
        events.record(session, run_id, events.EventKind.FINDINGS, {"findings": []})
    assert newest(database) > seen
    assert behind(database) == []


def test_events_are_read_without_what_they_say_and_go_on_at_a_cursor(database: Database) -> None:
    run_id = trained(database, epochs=1)
    with database.read() as session:
        everything = findings.moved_after(session, 0, limit=100)
        rest = findings.moved_after(session, everything[1].id, limit=1)
    assert [(one.run_id, one.kind) for one in everything] == [
        (run_id, kind) for kind in ("state", "state", "epoch", "state")
    ]
    assert rest == [everything[2]]


def test_runs_are_listed_by_what_was_found(database: Database) -> None:
    sick, noted, healthy = trained(database), trained(database), trained(database)
    keep(database, sick, COLLAPSED)
    keep(database, noted, IMPROVING)
    keep(database, healthy)

    def listed(**what: str) -> list[int]:
        with database.read() as session:
            found = runs.page(session, limit=10, found=findings.is_of(**what))
        return [row.run.id for row in found]

    assert listed() == [noted, sick]
    assert listed(rule="collapsed") == [sick]
    assert listed(severity="note") == [noted]
    assert listed(rule="collapsed", severity="note") == []


def test_one_who_rewinds_waits_for_one_who_keeps_and_has_the_last_word(database: Database) -> None:
    run_id = trained(database)
    seen = newest(database)
    begun = threading.Event()
    done: list[str] = []

    def retry() -> None:
        begun.set()
        with database.write() as session:
            revive.retry(session, run_id)
        done.append("retried")

    with database.write() as session:
        assert findings.replace(session, run_id, [COLLAPSED], event_id=seen, rules=RULES)
        thread = threading.Thread(target=retry)
        thread.start()
        assert begun.wait(30)
        done.append("kept")
    thread.join(60)
    assert done == ["kept", "retried"]
    assert kept(database, run_id) == []
