"""What an attempt says that it runs on: one that goes on from a checkpoint keeps the weights that the run began with."""

from alembic import command
from sqlalchemy import update

from backend.contract import RunState
from backend.store import attempts, migrate, reports, revive, runs
from backend.store.attempts import Claimed
from backend.store.session import Database
from backend.store.tables import Attempt
from tests.store import scenes

IMAGENET = {"source": "imagenet", "about": "the ImageNet weights V1", "sha256": "a" * 64}


def describe(database: Database, claimed: Claimed, **facts: object) -> None:
    with database.write() as session:
        attempts.describe(session, claimed.run_id, claimed.attempt, facts)


def gone_on(database: Database, claimed: Claimed, *, checkpoint: bool = True) -> Claimed:
    """Lose an attempt, after a checkpoint or without one; return the next."""
    if checkpoint:
        assert scenes.report(database, claimed, 1, {"test_acc": 0.5}, scenes.pointer(1))
    with database.write() as session:
        attempts.lose(session, claimed.run_id, claimed.attempt, claimed.owner, "gone", backoff_seconds=0)
    return scenes.claim(database)


def told(database: Database, run_id: int) -> list[dict | None]:
    with database.read() as session:
        return [attempt.environment for attempt in runs.attempts(session, run_id)]


def begun(database: Database) -> Claimed:
    scenes.launch(database)
    return scenes.claim(database)


def test_an_attempt_that_goes_on_keeps_the_weights_of_the_one_before(database: Database) -> None:
    first = begun(database)
    describe(database, first, weights=IMAGENET, device="cpu")
    second = gone_on(database, first)
    describe(database, second, weights=None, device="cuda")
    third = gone_on(database, second, checkpoint=False)
    describe(database, third, weights=None, device="cpu")
    assert told(database, first.run_id) == [
        {"weights": IMAGENET, "device": "cpu"},
        {"weights": IMAGENET, "device": "cuda"},
        {"weights": IMAGENET, "device": "cpu"},
    ]
    key = (scenes.a_spec(seed=0).recipe_hash(), 0)
    with database.read() as session:
        assert reports.read(session, [key]).shown[key].environment == {"weights": IMAGENET, "device": "cpu"}


def test_one_that_ended_before_it_said_anything_is_passed_over(database: Database) -> None:
    first = begun(database)
    describe(database, first, weights=IMAGENET)
    silent = gone_on(database, first)
    third = gone_on(database, silent, checkpoint=False)
    describe(database, third, weights=None)
    assert told(database, first.run_id) == [{"weights": IMAGENET}, None, {"weights": IMAGENET}]


def test_what_an_attempt_reads_itself_is_what_it_says(database: Database) -> None:
    first = begun(database)
    describe(database, first, weights=IMAGENET)
    second = gone_on(database, first)
    other = IMAGENET | {"sha256": "b" * 64}
    describe(database, second, weights=other)
    assert told(database, first.run_id)[-1] == {"weights": other}


def test_a_random_start_stays_one_when_it_goes_on(database: Database) -> None:
    first = begun(database)
    describe(database, first, weights=None)
    describe(database, gone_on(database, first), weights=None)
    assert told(database, first.run_id) == [{"weights": None}, {"weights": None}]


def test_an_attempt_from_the_start_keeps_nothing_of_those_before(database: Database) -> None:
    first = begun(database)
    describe(database, first, weights=IMAGENET)
    lost = gone_on(database, first, checkpoint=False)
    describe(database, lost, weights=None)
    assert told(database, first.run_id)[-1] == {"weights": None}
    assert scenes.report(database, lost, 1, {"test_acc": 0.5}, scenes.pointer(1))
    assert scenes.end(database, lost, RunState.FAILED)
    with database.write() as session:
        revive.retry(session, first.run_id)
    describe(database, scenes.claim(database), weights=None)
    assert told(database, first.run_id)[-1] == {"weights": None}


def test_a_migrated_store_says_so_of_attempts_that_were_made_before(database: Database) -> None:
    first = begun(database)
    describe(database, first, weights=IMAGENET, device="cpu")
    second = gone_on(database, first)
    third = gone_on(database, second, checkpoint=False)
    without = {"weights": None, "device": "old"}
    with database.write() as session:
        for number in (second.attempt, third.attempt):
            one = (Attempt.run_id == first.run_id, Attempt.number == number)
            session.execute(update(Attempt).where(*one).values(environment=without))
    with database.write_connection() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
    migrate.upgrade(database)
    assert told(database, first.run_id) == [
        {"weights": IMAGENET, "device": "cpu"},
        {"weights": IMAGENET, "device": "old"},
        {"weights": IMAGENET, "device": "old"},
    ]
