"""A run that needs several devices is claimed by a worker that holds as many, on both databases."""

import pytest
from sqlalchemy import update

from backend.store import attempts, workers
from backend.store.session import Database
from backend.store.tables import Run
from tests.store import scenes
from tests.store.test_workers_and_datasets import FACTS


def claims(database: Database, worker: str) -> int | None:
    with database.write() as session:
        claimed = attempts.claim(session, worker, 60)
    return claimed and claimed.run_id


def register(database: Database, worker: str, devices: int) -> None:
    with database.write() as session:
        workers.register(session, worker, **FACTS, devices=devices)


@pytest.mark.parametrize(("held", "takes"), [(None, False), (1, False), (2, True), (4, True)])
def test_a_worker_claims_no_run_that_needs_more_devices_than_it_holds(
    database: Database, held: int | None, takes: bool
) -> None:
    (run_id,) = scenes.launch(database, devices=2)
    if held is not None:
        register(database, "worker", held)
    assert claims(database, "worker") == (run_id if takes else None)


def test_a_run_that_needs_more_lets_others_pass_and_keeps_its_place(database: Database) -> None:
    (large,) = scenes.launch(database, devices=2)
    (first,) = scenes.launch(database)
    register(database, "small", 1)
    register(database, "large", 2)
    assert claims(database, "small") == first
    assert claims(database, "small") is None
    assert claims(database, "large") == large


def test_a_run_of_an_older_version_needs_one_device(database: Database) -> None:
    (run_id,) = scenes.launch(database)
    with database.write() as session:
        spec = {key: value for key, value in scenes.run(session, run_id).spec.items() if key != "devices"}
        session.execute(update(Run).where(Run.id == run_id).values(spec=spec))
    assert claims(database, "unregistered") == run_id


def test_a_worker_that_registers_anew_says_anew_what_it_holds(database: Database) -> None:
    (run_id,) = scenes.launch(database, devices=2)
    register(database, "worker", 2)
    register(database, "worker", 1)
    assert claims(database, "worker") is None
    register(database, "worker", 2)
    assert claims(database, "worker") == run_id
