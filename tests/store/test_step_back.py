"""Checkpoints within an epoch, and the step back from one that is broken, on both databases."""

import pytest

from backend.contract import RunState
from backend.store import attempts, chunks, events, logs, pointers, points, predictions, runs
from backend.store.attempts import Claimed
from backend.store.pointers import Place
from backend.store.session import Database
from tests.store import scenes

DIGEST = "d" * 64
BROKEN = "The checkpoint attempt-1-epoch-3-step-40 is truncated or changed."


def trained(database: Database, *, epochs: int) -> Claimed:
    """Return an attempt that kept each of some epochs and then step 40 of the next; each has 100 steps."""
    scenes.launch(database)
    claimed = scenes.claim(database)
    with database.write() as session:
        predictions.describe_test_set(session, DIGEST, ["cat", "dog"], b"\0\1")
    newest = None
    for epoch in range(1, epochs + 1):
        steps(database, claimed, 100 * epoch - 99, 100)
        newest = pointers.chained({**scenes.pointer(epoch), "step": 0, "global_step": 100 * epoch}, newest)
        said = (DIGEST, bytes([0, epoch % 2]))
        assert scenes.report(database, claimed, epoch, {"test_acc": epoch / 10}, newest, said)
    steps(database, claimed, 100 * epochs + 1, 40)
    assert keep(database, claimed, scenes.pointer_within(epochs, 40, 100, newest))
    return claimed


def steps(database: Database, claimed: Claimed, first: int, count: int) -> None:
    with database.write() as session:
        values = [float(step) for step in range(first, first + count)]
        chunks.append_steps(session, claimed.run_id, claimed.attempt, first, {"step_loss": values})


def keep(database: Database, claimed: Claimed, pointer: dict) -> bool:
    """Report a checkpoint; return whether the fence let it through."""
    with database.write() as session:
        if attempts.renew(session, claimed.run_id, claimed.attempt, claimed.owner, scenes.LEASE) is None:
            return False
        attempts.report_checkpoint(session, claimed.run_id, claimed.attempt, pointer)
        return True


def lose(database: Database, claimed: Claimed) -> Claimed:
    with database.write() as session:
        run = (claimed.run_id, claimed.attempt, claimed.owner)
        assert attempts.lose(session, *run, "gone", backoff_seconds=0)
    return scenes.claim(database, "worker-b")


def last_line(database: Database, run_id: int) -> str:
    with database.read() as session:
        return logs.read(session, run_id)[-1].text


def last_rewind(database: Database, run_id: int) -> dict:
    with database.read() as session:
        return [one for one in events.after(session, 0, run_id=run_id) if one.kind == "rewind"][-1].payload


def last_step(database: Database, run_id: int) -> float:
    with database.read() as session:
        return chunks.read_steps(session, run_id, "step_loss").positions[-1]


def test_a_checkpoint_within_an_epoch_is_where_the_next_attempt_goes_on(database: Database) -> None:
    first = trained(database, epochs=3)
    steps(database, first, 341, 10)
    second = lose(database, first)
    assert second.checkpoint
    assert (second.checkpoint["epoch"], second.checkpoint["step"]) == (3, 40)
    assert last_line(database, first.run_id) == "Attempt 2 starts from the checkpoint of step 40 of epoch 4."
    assert last_rewind(database, first.run_id) == {"epoch": 3, "step": 40, "attempt": 2}
    assert last_step(database, first.run_id) == 340
    with database.read() as session:
        assert points.read(session, first.run_id)["test_acc"].epochs == [1, 2, 3]


def test_a_checkpoint_within_the_first_epoch_is_one_too(database: Database) -> None:
    first = trained(database, epochs=0)
    second = lose(database, first)
    assert second.checkpoint == scenes.pointer_within(0, 40, 100)
    assert last_line(database, first.run_id) == "Attempt 2 starts from the checkpoint of step 40 of epoch 1."
    assert scenes.step_back(database, second) is None


def test_a_checkpoint_within_an_epoch_forgives_the_losses(database: Database) -> None:
    second = lose(database, trained(database, epochs=1))
    with database.read() as session:
        assert scenes.run(session, second.run_id).losses == 1
    assert keep(database, second, scenes.pointer_within(1, 80, 100))
    with database.read() as session:
        assert scenes.run(session, second.run_id).losses == 0


def test_an_attempt_that_was_taken_over_reports_no_checkpoint(database: Database) -> None:
    stale = trained(database, epochs=1)
    second = lose(database, stale)
    assert not keep(database, stale, scenes.pointer_within(1, 90, 100))
    with database.read() as session:
        assert scenes.run(session, stale.run_id).checkpoint == second.checkpoint


def test_a_broken_checkpoint_is_left_for_the_one_before_it(database: Database) -> None:
    second = lose(database, trained(database, epochs=3))
    run_id = second.run_id
    earlier = scenes.step_back(database, second, BROKEN)
    assert earlier == {**scenes.pointer(3), "step": 0, "global_step": 300, "before": None}
    assert last_line(database, run_id) == (
        f"{BROKEN} Attempt 2 goes back and starts from the checkpoint of epoch 3."
    )
    assert last_rewind(database, run_id) == {"epoch": 3, "step": 0, "attempt": 2}
    assert last_step(database, run_id) == 300
    with database.read() as session:
        run = scenes.run(session, run_id)
        assert (run.state, run.checkpoint) == (RunState.RUNNING, earlier)
        assert [one.resumed_from for one in runs.attempts(session, run_id)] == [None, earlier]


def test_a_second_step_back_leads_to_the_start(database: Database) -> None:
    second = lose(database, trained(database, epochs=3))
    earlier = scenes.step_back(database, second, BROKEN)
    again = Claimed(**{**vars(second), "checkpoint": earlier})
    assert scenes.step_back(database, again, "The checkpoint attempt-1-epoch-3 is missing.") is None
    run_id = second.run_id
    assert last_line(database, run_id).endswith(
        "is missing. Attempt 2 goes back and starts from the beginning."
    )
    with database.read() as session:
        run = scenes.run(session, run_id)
        assert (run.checkpoint, run.summary) == (None, None)
        assert points.read(session, run_id) == {}
        assert chunks.lengths(session, run_id) == []
        assert predictions.read(session, run_id, "last") is None
        assert runs.attempts(session, run_id)[1].resumed_from is None


def test_what_was_predicted_at_the_checkpoint_before_is_there_after_a_step_back(database: Database) -> None:
    first = trained(database, epochs=2)
    newest = scenes.pointer(2) | {"step": 0, "global_step": 200}
    third = pointers.chained({**scenes.pointer(3), "step": 0, "global_step": 300}, newest)
    for epoch, checkpoint in ((3, third), (4, None)):
        said = (DIGEST, bytes([1, epoch % 2]))
        assert scenes.report(database, first, epoch, {"test_acc": epoch / 10}, checkpoint, said)
    second = lose(database, first)
    scenes.step_back(database, second, BROKEN)
    with database.read() as session:
        for which in ("last", "best"):
            found = predictions.read(session, second.run_id, which)
            assert found
            assert (found.epoch, found.predicted) == (2, b"\0\0")


@pytest.mark.parametrize(
    ("pointer", "place", "said", "done"),
    [
        (None, Place(), "the beginning", 0.0),
        (scenes.pointer(3), Place(3), "the checkpoint of epoch 3", 3.0),  # of an older version
        (
            {"epoch": 3, "step": 40, "global_step": 340},
            Place(3, 40, 340),
            "the checkpoint of step 40 of epoch 4",
            3.4,
        ),
        ({"epoch": 2, "step": 0, "global_step": 200}, Place(2, 0, 200), "the checkpoint of epoch 2", 2.0),
        # No epoch has told yet how many steps it takes.
        (
            {"epoch": 0, "step": 7, "global_step": 7},
            Place(0, 7, 7),
            "the checkpoint of step 7 of epoch 1",
            0.0,
        ),
    ],
)
def test_a_pointer_says_how_far_a_training_had_come(
    pointer: dict | None, place: Place, said: str, done: float
) -> None:
    found = pointers.place(pointer)
    assert (found, str(found)) == (place, said)
    assert found.epochs_done() == pytest.approx(done)


def test_a_pointer_remembers_the_one_before_it_and_no_more() -> None:
    first, second, third = ({**scenes.pointer(epoch), "step": 0} for epoch in (1, 2, 3))
    newest = pointers.chained(third, pointers.chained(second, pointers.chained(first, None)))
    assert newest == {**third, "before": second}
    assert pointers.before(newest) == {**second, "before": None}
    assert pointers.before({**second, "before": None}) is None
    assert pointers.before(scenes.pointer(1)) is None
