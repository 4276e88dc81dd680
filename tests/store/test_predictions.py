"""Which predictions are kept: of the last and the best epoch, and of those two at the checkpoint."""

import threading
from random import Random

import pytest
from sqlalchemy import select

from backend.store import attempts, predictions, tables
from backend.store.attempts import Claimed
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
