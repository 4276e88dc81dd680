"""The order of the queue, its pause, and workers that are drained, on both databases."""

import threading
from collections.abc import Callable
from functools import partial
from random import Random

import pytest
from sqlalchemy import update

from backend.contract import RunState
from backend.errors import InvalidSpec, NotFound, RunStateConflict, RunyardError
from backend.processes import wait_until
from backend.store import attempts, clock, queue_order, runs, workers
from backend.store.session import Database
from backend.store.tables import Run
from tests.store import scenes
from tests.store.test_workers_and_datasets import FACTS

NOWHERE = 10**9
"""The id of no run; small ones are used up on Postgres, where tests share a sequence."""


def order(database: Database) -> list[int]:
    with database.read() as session:
        return [entry.run_id for entry in queue_order.entries(session)]


def move(database: Database, run_id: int, before: int | None) -> list[int]:
    with database.write() as session:
        queue_order.move(session, run_id, before)
    return order(database)


def set_priority(database: Database, run_id: int, priority: int) -> list[int]:
    with database.write() as session:
        queue_order.set_priority(session, run_id, priority)
    return order(database)


def priorities(database: Database) -> list[int]:
    with database.read() as session:
        return [entry.priority for entry in queue_order.entries(session)]


def claim_all(database: Database) -> list[int]:
    """Claim until there is nothing; return the runs in the order of the claims."""
    claimed = []
    while True:
        with database.write() as session:
            found = attempts.claim(session, "worker-a", 60)
        if found is None:
            return claimed
        claimed.append(found.run_id)


def may_claim(database: Database, worker: str = "worker-a") -> bool:
    """Return whether a claim would be granted; it is taken back."""
    with database.write() as session:
        claimed = attempts.claim(session, worker, 60)
        if claimed is not None:
            attempts.release(session, claimed.run_id, claimed.attempt, worker)
    return claimed is not None


def in_threads(*tasks: Callable[[], None]) -> None:
    """Do all tasks at once, and fail where one of them fails."""
    problems: list[Exception] = []
    start = threading.Barrier(len(tasks))

    def guarded(task: Callable[[], None]) -> None:
        start.wait()
        try:
            task()
        except Exception as problem:  # noqa: BLE001 -- it fails the test below
            problems.append(problem)

    threads = [threading.Thread(target=guarded, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


# Moving.


def test_a_run_is_moved_directly_before_another_or_to_the_end(database: Database) -> None:
    a, b, c, d = scenes.launch(database, 4)
    assert move(database, d, before=b) == [a, d, b, c]
    assert move(database, c, before=a) == [c, a, d, b]
    assert move(database, a, before=None) == [c, d, b, a]
    assert move(database, c, before=a) == [d, b, c, a]


def test_the_order_after_moves_is_the_order_of_claims_and_of_what_is_ahead(database: Database) -> None:
    a, b, c, d = scenes.launch(database, 4)
    move(database, d, before=a)
    move(database, b, before=None)
    set_priority(database, c, 1)
    wanted = [c, d, a, b]
    assert order(database) == wanted
    with database.read() as session:
        ahead = runs.ahead_in_queue(session, [a, b, c, d])
    assert sorted(ahead, key=lambda run_id: ahead[run_id]) == wanted
    assert claim_all(database) == wanted


def test_what_is_launched_later_stands_behind_every_run_that_was_moved_to_the_end(database: Database) -> None:
    first = scenes.launch(database, 3)
    for run_id in [*first, *first]:
        move(database, run_id, before=None)
    later = scenes.launch(database, 2)
    assert order(database) == [*first, *later]


def test_to_put_a_run_where_it_stands_changes_nothing(database: Database) -> None:
    a, b, c = scenes.launch(database, 3)
    assert move(database, a, before=b) == move(database, c, before=None) == [a, b, c]
    with database.read() as session:
        assert [scenes.run(session, run_id).place for run_id in (a, b, c)] == [None] * 3


def test_a_moved_run_takes_the_priority_of_its_new_neighbour(database: Database) -> None:
    a, b, c = scenes.launch(database, 3)
    set_priority(database, c, 5)
    assert move(database, b, before=c) == [b, c, a]
    assert priorities(database) == [5, 5, 0]
    assert move(database, c, before=None) == [b, a, c]
    assert priorities(database) == [5, 0, 0]


def test_a_moved_run_keeps_its_priority_where_its_new_neighbours_allow_it(database: Database) -> None:
    high, middle, low = scenes.launch(database, 3)
    set_priority(database, high, 5)
    set_priority(database, low, -5)
    (moved,) = scenes.launch(database)
    assert move(database, moved, before=low) == [high, middle, moved, low]
    assert priorities(database) == [5, 0, 0, -5]
    assert move(database, moved, before=middle) == [high, moved, middle, low]
    assert priorities(database) == [5, 0, 0, -5]


def test_runs_moved_between_the_same_two_without_end_keep_their_order(database: Database) -> None:
    a, b, c, d = scenes.launch(database, 4)
    for _ in range(60):  # a double halves 52 times between two integers
        assert move(database, d, before=b) == [a, d, b, c]
        assert move(database, c, before=b) == [a, d, c, b]
        assert move(database, c, before=d) == [a, c, d, b]
        assert move(database, c, before=None) == [a, d, b, c]
    (later,) = scenes.launch(database)
    assert order(database) == [a, d, b, c, later]


def test_places_without_room_between_them_are_numbered_anew(database: Database) -> None:
    a, b, c = scenes.launch(database, 3)
    with database.write() as session:
        session.execute(update(Run).values(place=1.0))
    assert move(database, c, before=b) == [a, c, b]
    with database.read() as session:
        places = [scenes.run(session, run_id).place for run_id in (a, c, b)]
    assert places == sorted(set(places))
    assert scenes.launch(database)[0] == order(database)[-1]


def test_a_run_that_waits_for_its_parent_can_be_moved_and_takes_its_place_when_it_is_queued(
    database: Database,
) -> None:
    (parent,) = scenes.launch(database)
    others = scenes.launch(database, 2, epochs=3)
    child = scenes.launch_child(database, parent)
    assert move(database, child, before=others[0]) == [parent, child, *others]
    scenes.complete(database, scenes.claim(database))
    assert claim_all(database) == [child, *others]


def test_a_lost_run_comes_back_to_the_place_it_was_moved_to(database: Database) -> None:
    a, b, c = scenes.launch(database, 3)
    move(database, c, before=a)
    claimed = scenes.claim(database)
    with database.write() as session:
        attempts.lose(session, c, claimed.attempt, claimed.owner, "gone", backoff_seconds=0)
    assert order(database) == [c, a, b]


def test_a_run_is_not_moved_where_that_means_nothing(database: Database) -> None:
    running, queued, gone = scenes.launch(database, 3)
    scenes.claim(database)
    with database.write() as session:
        attempts.cancel(session, gone)
    for run_id, before, problem, says in (
        (queued, queued, InvalidSpec, f"before is {queued}; it must be another run"),
        (running, queued, RunStateConflict, f"Run {running} is running; it must be queued or waiting"),
        (queued, running, RunStateConflict, f"Run {running} is running; it must be queued or waiting"),
        (queued, gone, RunStateConflict, f"Run {gone} is cancelled; it must be queued or waiting"),
        (NOWHERE, queued, NotFound, f"There is no run {NOWHERE}."),
        (queued, NOWHERE, NotFound, f"There is no run {NOWHERE}."),
        (NOWHERE, None, NotFound, f"There is no run {NOWHERE}."),
    ):
        with pytest.raises(problem, match=says):
            move(database, run_id, before)
    assert order(database) == [queued]


@pytest.mark.parametrize("seed", range(4))
def test_moves_and_priorities_by_chance_always_give_the_order_that_was_asked_for(
    database: Database, seed: int
) -> None:
    random = Random(seed)
    scenes.launch(database, 6)
    for _ in range(60):
        known = order(database)
        run_id, before = random.choice(known), random.choice([*known, None])
        if random.random() < 0.2:
            set_priority(database, run_id, random.randint(-2, 2))
            before_it = priorities(database)
            assert before_it == sorted(before_it, reverse=True)
        elif run_id != before:
            wanted = [one for one in known if one != run_id]
            wanted.insert(wanted.index(before) if before is not None else len(wanted), run_id)
            assert move(database, run_id, before) == wanted


def test_concurrent_moves_and_claims_neither_lose_nor_double_a_run(database: Database) -> None:
    wanted = scenes.launch(database, 30)
    claimed: list[int] = []

    def reorder(seed: int) -> Callable[[], None]:
        random = Random(seed)

        def work() -> None:
            for _ in range(25):
                known = order(database)
                if len(known) < 2:
                    return
                run_id, before = random.sample(known, 2)
                try:
                    if random.random() < 0.2:
                        set_priority(database, run_id, random.randint(-1, 1))
                    else:
                        move(database, run_id, before)
                except RunyardError as refusal:  # it was claimed in between
                    assert "it must be queued or waiting" in str(refusal)

        return work

    def take(name: str) -> Callable[[], None]:
        def work() -> None:
            while True:
                with database.write() as session:
                    found = attempts.claim(session, name, 60)
                if found is None:
                    return
                claimed.append(found.run_id)

        return work

    in_threads(*[reorder(seed) for seed in range(3)], *[take(f"worker-{n}") for n in range(3)])
    assert sorted(claimed + order(database)) == wanted


def test_two_moves_at_once_both_happen(database: Database) -> None:
    for _ in range(10):
        first, *others = order(database) or scenes.launch(database, 4)
        in_threads(*[partial(move, database, run_id, first) for run_id in others[-2:]])
        now = order(database)
        assert sorted(now) == sorted([first, *others])
        assert set(now[:2]) == set(others[-2:])


# Priority.


def test_a_priority_counts_before_place_and_age(database: Database) -> None:
    a, b, c = scenes.launch(database, 3)
    assert set_priority(database, c, 1) == [c, a, b]
    assert set_priority(database, b, 2) == [b, c, a]
    assert set_priority(database, b, -1) == [c, a, b]


def test_runs_ordered_by_hand_keep_their_order_when_they_get_another_priority(database: Database) -> None:
    a, b, c = scenes.launch(database, 3)
    move(database, c, before=b)
    set_priority(database, b, 7)
    assert set_priority(database, c, 7) == [c, b, a]


def test_only_a_run_in_the_queue_gets_another_priority(database: Database) -> None:
    running, queued = scenes.launch(database, 2)
    child = scenes.launch_child(database, queued)
    scenes.claim(database)
    assert set_priority(database, child, 3) == [child, queued]
    with pytest.raises(RunStateConflict, match=f"Run {running} is running"):
        set_priority(database, running, 1)
    with pytest.raises(NotFound):
        set_priority(database, NOWHERE, 1)


# Pause.


def test_nothing_is_claimed_from_a_paused_queue(database: Database) -> None:
    (run_id,) = scenes.launch(database)
    with database.write() as session:
        session.info["clock"] = lambda: 1000.0
        assert queue_order.pause(session)
    with database.read() as session:
        assert queue_order.paused_at(session) == 1000.0
        assert runs.claimable(session, clock.read_now(session)) == 0
    assert not may_claim(database)
    with database.write() as session:
        assert queue_order.resume(session)
    with database.read() as session:
        assert queue_order.paused_at(session) is None
        assert runs.claimable(session, clock.read_now(session)) == 1
    assert scenes.claim(database).run_id == run_id


def test_a_queue_that_is_paused_again_is_paused_since_the_first_time(database: Database) -> None:
    for time, was_new in ((1000.0, True), (2000.0, False)):
        with database.write() as session:
            session.info["clock"] = lambda time=time: time
            assert queue_order.pause(session) == was_new
    for was_new in (True, False):
        with database.write() as session:
            assert queue_order.resume(session) == was_new


def test_a_pause_leaves_alone_what_is_in_training(database: Database) -> None:
    (run_id,) = scenes.launch(database)
    claimed = scenes.claim(database)
    with database.write() as session:
        queue_order.pause(session)
    scenes.complete(database, claimed)
    assert scenes.state(database, run_id) == RunState.COMPLETED


def test_once_a_pause_is_answered_no_claim_is_granted(database: Database) -> None:
    """Claims race with the pause; none may be committed after it was."""
    scenes.launch(database, 40)
    granted: list[int] = []
    answered = threading.Event()

    def take(name: str) -> Callable[[], None]:
        def work() -> None:
            while True:
                late = answered.is_set()
                with database.write() as session:
                    found = attempts.claim(session, name, 60)
                if found is None:
                    return
                assert not late, "claimed after the pause was answered"
                granted.append(found.run_id)

        return work

    def stop() -> None:
        assert wait_until(lambda: len(granted) >= 3, 10, 0.001)
        with database.write() as session:
            queue_order.pause(session)
        answered.set()
        with database.read() as session:
            running = len(runs.owned(session))
        assert running >= 3
        in_training.append(running)

    in_training: list[int] = []
    in_threads(stop, *[take(f"worker-{n}") for n in range(3)])
    with database.read() as session:
        assert in_training == [len(runs.owned(session))], "a claim was committed after the pause"


def test_a_claim_that_is_on_its_way_is_waited_for_by_a_pause(database: Database) -> None:
    """Postgres would else let the pause be answered while a claim is still to be committed."""
    scenes.launch(database)
    claiming, paused = threading.Event(), threading.Event()

    def claim() -> None:
        with database.write() as session:
            assert attempts.claim(session, "worker-a", 60) is not None
            claiming.set()
            assert not paused.wait(0.3), "the pause was answered before the claim was committed"

    def pause() -> None:
        claiming.wait()
        with database.write() as session:
            queue_order.pause(session)
        paused.set()

    in_threads(claim, pause)
    assert paused.is_set()


def test_the_runs_of_a_recipe_share_one_spec(database: Database) -> None:
    scenes.launch(database, 3)
    scenes.launch(database, 2, epochs=7)
    with database.read() as session:
        entries = queue_order.entries(session)
    assert [entry.seed for entry in entries] == [0, 1, 2, 0, 1]
    assert (
        [entry.epochs for entry in entries] == [entry.spec["epochs"] for entry in entries] == [5, 5, 5, 7, 7]
    )
    assert len({id(entry.spec) for entry in entries}) == 2


# Draining.


def test_a_drained_worker_claims_nothing_and_another_does(database: Database) -> None:
    scenes.launch(database)
    with database.write() as session:
        workers.register(session, "worker-a", **FACTS)
        workers.register(session, "worker-b", **FACTS)
        workers.set_drain(session, "worker-a", wanted=True)
    assert not may_claim(database, "worker-a")
    assert may_claim(database, "worker-b")
    with database.write() as session:
        workers.set_drain(session, "worker-a", wanted=False)
    assert may_claim(database, "worker-a")
