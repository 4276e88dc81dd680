"""Which predictions are kept: of the last and the best epoch, and of those two at the checkpoint. And the wrong ones."""

import threading
from random import Random

import pytest
from sqlalchemy import select

from backend.contract import RunState
from backend.store import attempts, launches, predictions, revive, tables
from backend.store.attempts import Claimed
from backend.store.predictions import Mistaken, NewMistakes
from backend.store.session import Database
from backend.store.tables import Prediction
from tests.store import scenes

DIGEST = "t" * 64


def describe(database: Database) -> None:
    with database.write() as session:
        predictions.describe_test_set(session, DIGEST, ["cat", "dog"], b"\0\1")


def report(database: Database, claimed: Claimed, epoch: int, accuracy: float, checkpoint: bool) -> None:
    pointer = scenes.pointer(epoch) if checkpoint else None
    said = (DIGEST, bytes([epoch % 2, 1]))
    assert scenes.report(database, claimed, epoch, {"test_acc": accuracy}, pointer, said)


def stored(database: Database, run_id: int) -> list[int]:
    with database.read() as session:
        query = select(Prediction.epoch).where(Prediction.run_id == run_id).order_by(Prediction.epoch)
        return list(session.scalars(query))


def lose(database: Database, claimed: Claimed) -> Claimed:
    """Let another attempt take over: it rewinds to the checkpoint."""
    with database.write() as session:
        attempts.lose(session, claimed.run_id, claimed.attempt, claimed.owner, "gone", backoff_seconds=0)
        scenes.run(session, claimed.run_id).losses = 0
    return scenes.claim(database)


def test_the_last_and_the_best_epoch_are_kept_and_those_of_the_checkpoint(database: Database) -> None:
    describe(database)
    scenes.launch(database)
    claimed = scenes.claim(database)
    kept = []
    for epoch, (accuracy, checkpoint) in enumerate(
        [(0.5, False), (0.4, False), (0.3, True), (0.9, False), (0.8, False), (0.9, False), (0.1, True)], 1
    ):
        report(database, claimed, epoch, accuracy, checkpoint)
        kept.append(stored(database, claimed.run_id))
    assert kept == [[1], [1, 2], [1, 3], [1, 3, 4], [1, 3, 4, 5], [1, 3, 4, 6], [4, 7]]


def test_an_accuracy_that_is_no_number_is_never_the_best(database: Database) -> None:
    describe(database)
    scenes.launch(database)
    claimed = scenes.claim(database)
    report(database, claimed, 1, float("nan"), True)
    report(database, claimed, 2, float("nan"), False)
    assert stored(database, claimed.run_id) == [1, 2]
    with database.read() as session:
        assert predictions.read(session, claimed.run_id, "best") is None
        tested = predictions.read(session, claimed.run_id, "last")
    assert tested == predictions.Tested(2, ["cat", "dog"], b"\0\1", b"\0\1")


def best_of(accuracies: dict[int, float], last: int) -> int | None:
    """Return the first epoch up to `last` of the highest accuracy, by the plainest rule there is."""
    known = [(-value, epoch) for epoch, value in accuracies.items() if epoch <= last and value == value]
    return min(known)[1] if known else None


@pytest.mark.parametrize("seed", range(6))
def test_after_any_epochs_checkpoints_and_rewinds_exactly_those_of_the_rule_are_stored(
    database: Database, seed: int
) -> None:
    random = Random(seed)
    describe(database)
    scenes.launch(database)
    claimed = scenes.claim(database)
    accuracies: dict[int, float] = {}
    checkpoint = 0
    for _ in range(25):
        if random.random() < 0.2:
            claimed = lose(database, claimed)
            accuracies = {epoch: value for epoch, value in accuracies.items() if epoch <= checkpoint}
        else:
            epoch = max(accuracies, default=0) + 1
            accuracies[epoch] = random.choice([0.1, 0.2, 0.3, float("nan")])
            makes_checkpoint = random.random() < 0.3
            report(database, claimed, epoch, accuracies[epoch], makes_checkpoint)
            checkpoint = epoch if makes_checkpoint else checkpoint
        last = max(accuracies, default=0)
        places = {last, best_of(accuracies, last), checkpoint, best_of(accuracies, checkpoint)}
        assert stored(database, claimed.run_id) == sorted(places & accuracies.keys())
        with database.read() as session:
            for which, epoch in (("last", last), ("best", best_of(accuracies, last))):
                tested = predictions.read(session, claimed.run_id, which)
                assert (tested and tested.epoch) == (epoch or None)


def test_an_epoch_told_twice_keeps_its_predictions_once(database: Database) -> None:
    describe(database)
    scenes.launch(database)
    claimed = scenes.claim(database)
    for _ in range(2):
        report(database, claimed, 1, 0.5, False)
    assert stored(database, claimed.run_id) == [1]


def test_epochs_without_predictions_are_no_trouble(database: Database) -> None:
    describe(database)
    scenes.launch(database)
    claimed = scenes.claim(database)
    assert scenes.report(database, claimed, 1, {"test_acc": 0.5})
    with database.read() as session:
        assert predictions.read(session, claimed.run_id, "last") is None


def test_a_test_set_that_many_runs_describe_at_once_is_stored_once(database: Database) -> None:
    start, problems = threading.Barrier(4), []

    def ask() -> None:
        start.wait()
        try:
            describe(database)
        except Exception as problem:  # noqa: BLE001 - told by the assertion below
            problems.append(problem)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with database.read() as session:
        assert [row.labels for row in session.scalars(select(tables.TestSet))] == [b"\0\1"]


# The wrong ones that the network was surest of, and their pictures.


def mistaken(database: Database, run_id: int, which: predictions.Which = "last") -> Mistaken | None:
    with database.read() as session:
        return predictions.read_mistakes(session, run_id, which)


def pictures(database: Database) -> dict[tuple[str, int], bytes]:
    with database.read() as session:
        return {(one.test_set, one.number): one.png for one in session.scalars(select(tables.TestImage))}


def wrong(
    database: Database, claimed: Claimed, epoch: int, images: list[int], *, accuracy: float = 0.5
) -> bool:
    """Report an epoch that took these images for another class, each with a picture."""
    sure = [1 - number / 10 for number in images]
    mistakes = NewMistakes(images, sure, {number: b"png %d" % number for number in images})
    said = (DIGEST, b"\1\0")
    return scenes.report(database, claimed, epoch, {"test_acc": accuracy}, None, said, mistakes)


def test_the_wrong_ones_are_told_of_the_last_and_of_the_best_epoch(database: Database) -> None:
    describe(database)
    scenes.launch(database)
    claimed = scenes.claim(database)
    assert wrong(database, claimed, 1, [1, 0], accuracy=0.9)
    assert wrong(database, claimed, 2, [0])
    best, last = (mistaken(database, claimed.run_id, which) for which in ("best", "last"))
    assert best and last
    assert (best.tested.epoch, best.images, best.probabilities, best.pictured) == (
        1,
        [1, 0],
        [0.9, 1],
        {0, 1},
    )
    assert (last.tested.epoch, last.images, last.test_set) == (2, [0], DIGEST)
    with database.read() as session:
        assert predictions.picture(session, DIGEST, 1) == b"png 1"
        assert predictions.picture(session, DIGEST, 2) is None
        assert predictions.picture(session, "f" * 64, 1) is None


def test_they_are_forgotten_with_the_predictions_of_their_epoch(database: Database) -> None:
    describe(database)
    scenes.launch(database)
    claimed = scenes.claim(database)
    for epoch in (1, 2, 3):
        assert wrong(database, claimed, epoch, [epoch], accuracy=epoch / 10)
    assert stored(database, claimed.run_id) == [3]
    found = mistaken(database, claimed.run_id)
    assert found
    assert found.images == [3]


def test_predictions_without_them_say_none(database: Database) -> None:
    describe(database)
    scenes.launch(database)
    claimed = scenes.claim(database)
    assert mistaken(database, claimed.run_id) is None
    report(database, claimed, 1, 0.5, False)
    found = mistaken(database, claimed.run_id)
    assert found
    assert (found.images, found.probabilities, found.pictured) == ([], [], set())


def test_a_stale_attempt_stores_no_picture(database: Database) -> None:
    describe(database)
    scenes.launch(database)
    stale = scenes.claim(database)
    lose(database, stale)
    assert not wrong(database, stale, 1, [1])
    assert pictures(database) == {}


def test_a_mistake_may_have_no_picture(database: Database) -> None:
    describe(database)
    scenes.launch(database)
    claimed = scenes.claim(database)
    mistakes = NewMistakes([1, 0], [0.9, 0.8], {0: b"png"})
    assert scenes.report(database, claimed, 1, {"test_acc": 0.5}, None, (DIGEST, b"\1\0"), mistakes)
    found = mistaken(database, claimed.run_id)
    assert found
    assert (found.images, found.pictured) == ([1, 0], {0})


def test_a_picture_that_is_there_stays_as_it_is(database: Database) -> None:
    describe(database)
    scenes.launch(database, count=2)
    for png in (b"first", b"second"):
        claimed = scenes.claim(database)
        mistakes = NewMistakes([4], [0.9], {4: png})
        assert scenes.report(database, claimed, 1, {"test_acc": 0.5}, None, (DIGEST, b"\1\0"), mistakes)
    assert pictures(database) == {(DIGEST, 4): b"first"}


def test_runs_that_store_the_same_pictures_at_once_store_each_once(database: Database) -> None:
    describe(database)
    scenes.launch(database, count=4)
    owners = [scenes.claim(database, f"worker-{number}") for number in range(4)]
    start, problems = threading.Barrier(4), []

    def tell(place: int, claimed: Claimed) -> None:
        mine = list(range(40))
        Random(place).shuffle(mine)
        start.wait()
        try:
            for epoch in (1, 2, 3):
                assert wrong(database, claimed, epoch, [number + 10 * epoch for number in mine])
        except Exception as problem:  # noqa: BLE001 - told by the assertion below
            problems.append(problem)

    threads = [threading.Thread(target=tell, args=pair) for pair in enumerate(owners)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert pictures(database) == {(DIGEST, number): b"png %d" % number for number in range(10, 70)}


def test_pictures_go_with_the_last_run_that_was_tested_on_them(database: Database) -> None:
    describe(database)
    other = "o" * 64
    with database.write() as session:
        predictions.describe_test_set(session, other, ["cat", "dog"], b"\0\1")
    first, second, third = scenes.launch(database, count=3)
    for run_id, digest in ((first, DIGEST), (second, DIGEST), (third, other)):
        claimed = scenes.claim(database)
        assert claimed.run_id == run_id
        mistakes = NewMistakes([run_id], [0.9], {run_id: b"png"})
        assert scenes.report(database, claimed, 1, {"test_acc": 0.5}, None, (digest, b"\1\0"), mistakes)
        assert scenes.end(database, claimed, RunState.COMPLETED)
    for run_id, left in ((first, {first, second, third}), (second, {third}), (third, set())):
        with database.write() as session:
            revive.purge(session, run_id)
        assert {number for _, number in pictures(database)} == left


def steps_of_purge(database: Database, run_id: int) -> int:
    """Return how many steps SQLite takes to forget what a run predicted."""
    seen: list[None] = []
    with database.write() as session:
        driver = session.connection().connection.driver_connection
        assert driver
        driver.set_progress_handler(lambda: seen.append(None), 1)
        try:
            predictions.purge(session, run_id)
        finally:
            driver.set_progress_handler(None, 0)
    return len(seen)


def test_what_a_deletion_costs_does_not_grow_with_the_pictures_nor_with_the_predictions_of_others(
    sqlite_database: Database,
) -> None:
    describe(sqlite_database)
    with sqlite_database.write() as session:
        predictions.describe_test_set(session, "o" * 64, ["cat", "dog"], b"\0\1")
        ids = launches.accept(
            session,
            [launches.NewRun(scenes.a_spec(seed=seed), "a run") for seed in range(103)],
            body_sha256="0" * 64,
        ).run_ids
        first, second, *others, last = ids
        for run_id in (first, second, last):
            predictions.write(session, run_id, 1, DIGEST, b"\1\0")
    few = steps_of_purge(sqlite_database, first)
    with sqlite_database.write() as session:
        for run_id in others:
            predictions.write(session, run_id, 1, "o" * 64, b"\1\0")
        shown = list(range(100))
        mistakes = NewMistakes(shown, [0.9] * len(shown), dict.fromkeys(shown, b"png"))
        predictions.write(session, last, 2, DIGEST, b"\1\0", mistakes)
    assert steps_of_purge(sqlite_database, second) < few + 50
    assert len(pictures(sqlite_database)) == 100


def test_deleting_one_run_leaves_the_pictures_that_another_is_just_storing(database: Database) -> None:
    """The delete waits for the other's first predictions, or they for the delete: a picture is never lost between."""
    describe(database)
    done, going = scenes.launch(database, count=2)
    finished = scenes.claim(database)
    assert wrong(database, finished, 1, [1, 2])
    assert scenes.end(database, finished, RunState.COMPLETED)
    claimed = scenes.claim(database)
    assert (finished.run_id, claimed.run_id) == (done, going)

    def delete() -> None:
        with database.write() as session:
            revive.purge(session, done)

    deleter = threading.Thread(target=delete)
    with database.write() as session:
        assert attempts.renew(session, going, claimed.attempt, claimed.owner, scenes.LEASE)
        mistakes = NewMistakes([1, 2], [0.9, 0.8], {1: b"png 1", 2: b"png 2"})
        said = (DIGEST, b"\1\0")
        attempts.report_epoch(session, going, claimed.attempt, 1, {"test_acc": 0.5}, None, said, mistakes)
        deleter.start()
        deleter.join(0.5)  # it waits for this transaction: a limit, and the test holds without it
    deleter.join(30)
    assert not deleter.is_alive()
    found = mistaken(database, going)
    assert found
    assert found.pictured == {1, 2}
