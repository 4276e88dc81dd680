"""How long a run was in training: its attempts added up, without what it waited between them."""

from sqlalchemy import update

from backend.contract import RunState
from backend.store import clock, revive, runs
from backend.store.session import Database
from backend.store.tables import Attempt
from tests.store import scenes


def set_times(
    database: Database, run_id: int, number: int, started_at: float, ended_at: float | None
) -> None:
    with database.write() as session:
        session.execute(
            update(Attempt)
            .where(Attempt.run_id == run_id, Attempt.number == number)
            .values(started_at=started_at, ended_at=ended_at)
        )


def test_what_a_run_waited_between_two_attempts_is_not_counted(database: Database) -> None:
    (run_id,) = scenes.launch(database)
    scenes.end(database, scenes.claim(database), RunState.FAILED)
    with database.read() as session:
        now = clock.read_now(session)
    set_times(database, run_id, 1, now - 1000.0, now - 900.0)
    with database.write() as session:
        revive.retry(session, run_id)
    scenes.claim(database)
    set_times(database, run_id, 2, now - 30.0, None)
    with database.read() as session:
        (seconds,) = runs.seconds_in_attempts(session, [run_id], now).values()
    assert abs(seconds - 130.0) < 0.01


def test_a_run_that_was_never_begun_has_no_time(database: Database) -> None:
    ids = scenes.launch(database)
    with database.read() as session:
        assert runs.seconds_in_attempts(session, ids, clock.read_now(session)) == {}
