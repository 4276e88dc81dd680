"""Launches: all or nothing, and once per key, on both databases."""

import threading

import pytest

from backend.errors import IdempotencyConflict
from backend.store import launches, runs
from backend.store.session import Database
from tests.store import scenes


def accept(database: Database, key: str | None, body: str = "a" * 64) -> launches.AcceptedLaunch:
    wanted = [launches.NewRun(scenes.a_spec(seed=seed), "a run") for seed in (0, 1)]
    with database.write() as session:
        return launches.accept(session, wanted, body_sha256=body, idempotency_key=key)


def test_the_same_key_and_body_are_stored_once(database: Database) -> None:
    first, again = accept(database, "key"), accept(database, "key")
    assert (again.id, again.run_ids) == (first.id, first.run_ids)
    assert again.repeated
    assert not first.repeated


def test_the_same_key_with_another_body_is_refused_and_stores_nothing(database: Database) -> None:
    first = accept(database, "key")
    with pytest.raises(IdempotencyConflict, match="key"):
        accept(database, "key", "b" * 64)
    with database.read() as session:
        assert [row.run.id for row in runs.page(session, limit=10)] == first.run_ids[::-1]


def test_without_a_key_each_launch_is_new(database: Database) -> None:
    assert accept(database, None).run_ids != accept(database, None).run_ids


def test_requests_with_one_key_at_the_same_moment_store_one_launch(database: Database) -> None:
    start, found = threading.Barrier(5), []

    def ask() -> None:
        start.wait()
        found.append(tuple(accept(database, "key").run_ids))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 5
    assert len(set(found)) == 1


def test_seeds_share_a_recipe(database: Database) -> None:
    ids = accept(database, None).run_ids
    with database.read() as session:
        assert len({runs.get(session, run_id).recipe_hash for run_id in ids}) == 1


def test_a_failure_in_the_middle_leaves_nothing(database: Database) -> None:
    def fail_half_way() -> None:
        with database.write() as session:
            wanted = [launches.NewRun(scenes.a_spec(), "a run")]
            launches.accept(session, wanted, body_sha256="0" * 64)
            raise RuntimeError("the process dies here")

    with pytest.raises(RuntimeError):
        fail_half_way()
    with database.read() as session:
        assert runs.page(session, limit=10) == []
