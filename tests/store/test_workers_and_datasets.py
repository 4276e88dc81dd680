"""Workers and data sets in the store, on both databases."""

from backend.store import datasets, workers
from backend.store.session import Database

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


def test_a_name_means_the_content_imported_last(database: Database) -> None:
    for content in ("a", "b", "a"):
        with database.write() as session:
            datasets.register(session, a_dataset(content))
    with database.read() as session:
        found = datasets.find(session, "birds")
        assert found is not None
        assert found.hash == "a" * 64
        assert len(datasets.current(session)) == 1


def test_only_devices_of_workers_heard_of_lately_count(database: Database) -> None:
    with database.write() as session:
        session.info["clock"] = lambda: 1000.0
        workers.register(session, "dead", **{**FACTS, "device": "cuda:0"})
    with database.write() as session:
        session.info["clock"] = lambda: 1020.0
        workers.register(session, "alive", **FACTS)
        assert workers.devices(session, 15) == {"cpu"}
        assert workers.devices(session, 20) == {"cpu", "cuda:0"}
