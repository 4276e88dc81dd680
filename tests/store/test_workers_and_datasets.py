"""Workers and data sets in the store, on both databases."""

import pytest

from backend.errors import NotFound
from backend.store import clock, datasets, workers
from backend.store.session import Database
from tests.store import scenes

FACTS = {"host": "here", "device": "cpu", "device_name": "CPU", "version": "1"}


def a_dataset(content: str) -> datasets.NewDataset:
    return datasets.NewDataset("birds", content * 64, ["a", "b"], 10, 4, 32, 3)


def test_a_worker_is_seen_until_it_leaves(database: Database) -> None:
    with database.write() as session:
        assert not workers.beat(session, "w", draining=False)
        workers.register(session, "w", **FACTS)
        assert workers.beat(session, "w", draining=True)
    with database.read() as session:
        assert [(w.id, w.draining) for w in workers.everyone(session)] == [("w", True)]
    with database.write() as session:
        workers.leave(session, "w")
        assert list(workers.everyone(session)) == []


def test_a_worker_not_heard_of_for_a_day_is_forgotten(database: Database) -> None:
    with database.write() as session:
        session.info["clock"] = lambda: 1000.0
        workers.register(session, "old", **FACTS)
    with database.write() as session:
        workers.register(session, "new", **FACTS)
        assert [w.id for w in workers.everyone(session)] == ["new"]


def states(database: Database) -> dict[str, tuple[str, int | None]]:
    """Return the state of each worker, and the run that it has."""
    with database.read() as session:
        return {
            one.worker.id: (one.state, one.training and one.training.run.id)
            for one in workers.standings(session, lost_seconds=15)
        }


def test_a_worker_is_idle_or_busy_then_draining_then_drained(database: Database) -> None:
    (run_id,) = scenes.launch(database)
    with database.write() as session:
        for name in ("a", "b"):
            workers.register(session, name, **FACTS)
    assert states(database) == {"a": ("idle", None), "b": ("idle", None)}
    claimed = scenes.claim(database, "a")
    assert states(database) == {"a": ("busy", run_id), "b": ("idle", None)}
    with database.write() as session:
        workers.set_drain(session, "a", wanted=True)
        workers.set_drain(session, "b", wanted=True)
    assert states(database) == {"a": ("draining", run_id), "b": ("drained", None)}
    scenes.complete(database, claimed)
    assert states(database)["a"] == ("drained", None)
    with database.write() as session:
        workers.set_drain(session, "a", wanted=False)
    assert states(database)["a"] == ("idle", None)


def test_a_worker_that_was_told_to_end_is_leaving_whatever_a_person_asked(database: Database) -> None:
    with database.write() as session:
        workers.register(session, "a", **FACTS)
        workers.set_drain(session, "a", wanted=True)
        workers.beat(session, "a", draining=True)
    assert states(database) == {"a": ("leaving", None)}


def test_a_worker_that_is_not_heard_of_is_lost_and_can_be_drained_all_the_same(database: Database) -> None:
    with database.write() as session:
        now = clock.read_now(session)
        session.info["clock"] = lambda: now - 16
        workers.register(session, "a", **FACTS)
    with database.write() as session:
        workers.set_drain(session, "a", wanted=True)
    assert states(database) == {"a": ("lost", None)}
    with database.write() as session:
        workers.beat(session, "a", draining=False)
    assert states(database) == {"a": ("drained", None)}


def test_a_drained_worker_stays_so_when_it_beats_and_registers_again(database: Database) -> None:
    with database.write() as session:
        workers.register(session, "a", **FACTS)
        workers.set_drain(session, "a", wanted=True)
    with database.write() as session:
        workers.beat(session, "a", draining=False)
        workers.register(session, "a", **{**FACTS, "version": "2"})
        (worker,) = workers.everyone(session)
        assert (worker.drain_requested, worker.version) == (True, "2")
    with database.write() as session:
        workers.register(session, "a-started-anew", **FACTS)
    assert states(database) == {"a": ("drained", None), "a-started-anew": ("idle", None)}


def test_a_worker_that_does_not_exist_is_not_drained(database: Database) -> None:
    with pytest.raises(NotFound, match="There is no worker 'nobody'"), database.write() as session:
        workers.set_drain(session, "nobody", wanted=True)


def test_a_name_means_the_content_imported_last(database: Database) -> None:
    for content in ("a", "b", "a"):
        with database.write() as session:
            datasets.register(session, a_dataset(content))
    with database.read() as session:
        found = datasets.find(session, "birds")
        assert found is not None
        assert found.hash == "a" * 64
        assert len(datasets.current(session)) == 1
