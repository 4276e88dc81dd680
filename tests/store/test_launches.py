"""Launches: all or nothing, and once per key, on both databases."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import update

from backend.contract import RunState
from backend.errors import IdempotencyConflict
from backend.store import attempts, launches, runs
from backend.store.session import Database
from backend.store.tables import Launch
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


def a_child(seed: int = 0, parent_seed: int | None = None) -> launches.NewRun:
    """Return a run that starts from another, with that one planned beside it."""
    parent = scenes.a_spec(seed=seed if parent_seed is None else parent_seed)
    rule = {} if parent_seed is None else {"rule": "fixed_seed", "seed": parent_seed}
    weights = {"source": "parent", "parent": parent.recipe_hash(), **rule}
    spec = scenes.a_spec(seed=seed, model={"arch": "softmax-regression", "weights": weights})
    return launches.NewRun(spec, "child", parent=launches.NewRun(parent, "parent"))


def store(database: Database, *wanted: launches.NewRun, key: str | None = None) -> launches.AcceptedLaunch:
    with database.write() as session:
        return launches.accept(session, list(wanted), body_sha256="a" * 64, idempotency_key=key, reused=3)


def test_a_repeat_tells_apart_what_was_asked_for_and_what_came_along(database: Database) -> None:
    wanted = [a_child(seed, parent_seed=7) for seed in (1, 2)]
    first = store(database, *wanted, key="key")
    assert (len(first.run_ids), len(first.parent_ids)) == (2, 1)
    assert store(database, *wanted, key="key") == replace(first, repeated=True)


def test_a_launch_of_an_older_version_repeats_all_its_runs_as_asked_for(database: Database) -> None:
    first = accept(database, "key")
    with database.write() as session:
        session.execute(update(Launch).values(answer=None))
    assert accept(database, "key") == replace(first, repeated=True)


def test_only_parents_that_a_launch_would_bring_are_counted_with_it(database: Database) -> None:
    def would_bring() -> list[bool]:
        with database.read() as session:
            stripped = launches.without_parents_there(session, [a_child(0), a_child(1)])
        return [run.parent is not None for run in stripped]

    assert would_bring() == [True, True]
    (parent,) = store(database, a_child(0)).parent_ids
    assert would_bring() == [False, True]
    assert scenes.claim(database).run_id == parent
    with database.write() as session:
        assert attempts.cancel(session, parent)
    assert scenes.state(database, parent) == RunState.CANCELLING
    assert would_bring() == [True, True]


def test_a_parent_there_needs_no_parents_of_its_own(database: Database) -> None:
    child = a_child()
    weights = {"source": "parent", "parent": child.spec.recipe_hash()}
    spec = scenes.a_spec(model={"arch": "softmax-regression", "weights": weights})
    grandchild = launches.NewRun(spec, "grandchild", parent=child)
    with database.read() as session:
        assert launches.without_parents_there(session, [grandchild]) == [grandchild]
    store(database, child)
    with database.read() as session:
        assert launches.without_parents_there(session, [grandchild]) == [replace(grandchild, parent=None)]


def test_two_launches_at_once_bring_one_parent(database: Database) -> None:
    start, found = threading.Barrier(2), []

    def ask(seed: int) -> None:
        start.wait()
        found.extend(store(database, a_child(seed, parent_seed=7)).parent_ids)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1


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
