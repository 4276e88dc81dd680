"""The series of many values: kept as they are, read whole or in part, and exact after any rewind. On both databases."""

import math
from random import Random
from typing import Any

import pytest

from backend.contract import RunState
from backend.store import attempts, chunks, revive
from backend.store.attempts import Claimed
from backend.store.chunks import Length, Samples
from backend.store.session import Database
from tests.store import scenes


def append(database: Database, claimed: Claimed, first: int, **series: list[float]) -> bool:
    """Report steps as a recorder does; return whether the fence let them through."""
    with database.write() as session:
        if attempts.renew(session, claimed.run_id, claimed.attempt, claimed.owner, scenes.LEASE) is None:
            return False
        chunks.append_steps(session, claimed.run_id, claimed.attempt, first, series)
        return True


def sample(database: Database, claimed: Claimed, first: int, **series: list[tuple[float, float]]) -> None:
    samples = {
        name: Samples(first, [at for at, _ in pairs], [value for _, value in pairs])
        for name, pairs in series.items()
    }
    with database.write() as session:
        chunks.append_samples(session, claimed.run_id, claimed.attempt, samples)


def steps(database: Database, run_id: int, name: str = "step_loss", **part: int) -> dict[int, float]:
    with database.read() as session:
        found = chunks.read_steps(session, run_id, name, **part)
    assert len(found.positions) == len(set(found.positions)) == len(found.values)
    return dict(zip(found.positions, found.values, strict=True))  # pyright: ignore


def samples(database: Database, run_id: int, attempt: int, **part: float) -> list[tuple[float, float]]:
    with database.read() as session:
        found = chunks.read_samples(session, run_id, "cpu_load", attempt, **part)
    return list(zip(found.positions, found.values, strict=True))


def lengths(database: Database, run_id: int) -> list[Length]:
    with database.read() as session:
        return chunks.lengths(session, run_id)


@pytest.fixture
def claimed(database: Database) -> Claimed:
    scenes.launch(database)
    return scenes.claim(database)


def test_values_are_kept_to_the_last_bit_and_those_that_are_no_numbers_too(
    database: Database, claimed: Claimed
) -> None:
    values = [0.1, -0.0, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan]
    append(database, claimed, 1, step_loss=values)
    found = steps(database, claimed.run_id)
    assert list(found) == list(range(1, 8))
    assert [value.hex() for value in found.values()] == [value.hex() for value in values]


def test_what_is_stored_is_little_endian_doubles(database: Database, claimed: Claimed) -> None:
    append(database, claimed, 1, step_loss=[1.0, -2.0])
    with database.read() as session:
        (chunk,) = session.query(chunks.Chunk).all()
    assert chunk.values == bytes.fromhex("000000000000f03f" + "00000000000000c0")
    assert (chunk.first, chunk.count, chunk.positions) == (1, 2, None)


def test_a_part_of_a_series_begins_and_ends_within_chunks(database: Database, claimed: Claimed) -> None:
    for first in (1, 4, 7):
        append(database, claimed, first, step_loss=[float(first + place) for place in range(3)])
    run_id = claimed.run_id
    assert list(steps(database, run_id, first=3, last=7).values()) == [3.0, 4.0, 5.0, 6.0, 7.0]
    assert list(steps(database, run_id, first=5, last=5).items()) == [(5, 5.0)]
    assert list(steps(database, run_id, last=1)) == [1]
    assert list(steps(database, run_id, first=9)) == [9]
    assert steps(database, run_id, first=10) == steps(database, run_id, first=6, last=5) == {}


def test_steps_that_are_told_twice_are_stored_once(database: Database, claimed: Claimed) -> None:
    for _ in range(2):  # the answer to the first commit was lost on the way
        assert append(database, claimed, 1, step_loss=[1.0, 2.0])
        sample(database, claimed, 0, cpu_load=[(0.5, 0.25)])
    assert steps(database, claimed.run_id) == {1: 1.0, 2: 2.0}
    assert samples(database, claimed.run_id, 1) == [(0.5, 0.25)]


def test_nothing_is_stored_of_no_values(database: Database, claimed: Claimed) -> None:
    append(database, claimed, 1, step_loss=[])
    assert lengths(database, claimed.run_id) == []


def test_a_series_of_steps_is_one_over_all_attempts_and_one_by_second_each_attempts(
    database: Database, claimed: Claimed
) -> None:
    run_id = claimed.run_id
    append(database, claimed, 1, step_loss=[1.0, 2.0], step_lr=[0.1, 0.1])
    sample(database, claimed, 0, cpu_load=[(2.0, 0.5), (4.0, math.nan)])
    sample(database, claimed, 2, cpu_load=[(6.5, 0.75)])
    checkpoint(database, claimed, 0, 2)
    second = lose_and_claim(database, claimed)
    append(database, second, 3, step_loss=[3.0], step_lr=[0.05])
    sample(database, second, 0, cpu_load=[(1.0, 1.0)])
    assert steps(database, run_id) == {1: 1.0, 2: 2.0, 3: 3.0}
    assert lengths(database, run_id) == [
        Length("step_loss", None, 3),
        Length("step_lr", None, 3),
        Length("cpu_load", 1, 3),
        Length("cpu_load", 2, 1),
    ]
    assert [at for at, _ in samples(database, run_id, 1)] == [2.0, 4.0, 6.5]
    assert samples(database, run_id, 1, first=4.5, last=6.5) == [(6.5, 0.75)]
    assert samples(database, run_id, 2) == [(1.0, 1.0)]
    with database.read() as session:
        assert chunks.newest_attempt(session, run_id, "cpu_load") == 2
        assert chunks.newest_attempt(session, run_id, "gpu_load") is None


def test_an_attempt_that_was_taken_over_stores_no_steps(database: Database, claimed: Claimed) -> None:
    second = lose_and_claim(database, claimed)
    assert not append(database, claimed, 1, step_loss=[1.0])
    assert append(database, second, 1, step_loss=[2.0])
    assert steps(database, claimed.run_id) == {1: 2.0}


def test_a_retry_from_the_start_forgets_all_series(database: Database, claimed: Claimed) -> None:
    append(database, claimed, 1, step_loss=[1.0])
    sample(database, claimed, 0, cpu_load=[(1.0, 1.0)])
    scenes.end(database, claimed, RunState.FAILED)
    with database.write() as session:
        revive.retry(session, claimed.run_id)
    assert lengths(database, claimed.run_id) == []


def test_a_deleted_run_leaves_no_series(database: Database, claimed: Claimed) -> None:
    other = scenes.launch(database)
    append(database, claimed, 1, step_loss=[1.0])
    scenes.end(database, claimed, RunState.FAILED)
    spared = scenes.claim(database)
    assert [spared.run_id] == other
    append(database, spared, 1, step_loss=[2.0])
    with database.write() as session:
        revive.purge(session, claimed.run_id)
    assert lengths(database, claimed.run_id) == []
    assert steps(database, spared.run_id) == {1: 2.0}


def checkpoint(database: Database, claimed: Claimed, epoch: int, step: int, steps: int = 5) -> dict:
    """Report a checkpoint within an epoch as a recorder does."""
    with database.write() as session:
        newest = scenes.run(session, claimed.run_id).checkpoint
        made = scenes.pointer_within(epoch, step, steps, before=newest)
        assert attempts.renew(session, claimed.run_id, claimed.attempt, claimed.owner, scenes.LEASE)
        attempts.report_checkpoint(session, claimed.run_id, claimed.attempt, made)
    return made


def lose_and_claim(database: Database, claimed: Claimed) -> Claimed:
    with database.write() as session:
        run = (claimed.run_id, claimed.attempt, claimed.owner)
        assert attempts.lose(session, *run, "gone", backoff_seconds=0)
        scenes.run(session, claimed.run_id).losses = 0  # as often as this walk wants
    return scenes.claim(database, claimed.owner)


@pytest.mark.parametrize("seed", range(4))
def test_after_any_rewind_the_steps_are_each_there_once_from_the_first_to_the_last(
    database: Database, claimed: Claimed, seed: int
) -> None:
    """Train, keep, lose, find checkpoints broken, in any order: no step is missing and none is told twice."""
    random = Random(seed)
    steps_of_an_epoch, done, rewinds = 5, 0, 0
    for _ in range(60):
        match random.choice(["steps", "steps", "keep", "lose", "break"]):
            case "steps":  # an epoch of them at most, and never over its end
                count = random.randint(1, steps_of_an_epoch - done % steps_of_an_epoch)
                told = [float(step) for step in range(done + 1, done + count + 1)]
                assert append(database, claimed, done + 1, step_loss=told)
                done += count
                if done % steps_of_an_epoch == 0:
                    assert scenes.report(database, claimed, done // steps_of_an_epoch, {"test_acc": 0.5})
            case "keep" if done:
                checkpoint(database, claimed, *divmod(done, steps_of_an_epoch), steps_of_an_epoch)
            case "lose":
                claimed = lose_and_claim(database, claimed)
                done, rewinds = (claimed.checkpoint or {"global_step": 0})["global_step"], rewinds + 1
            case "break":
                claimed = lose_and_claim(database, claimed)
                if claimed.checkpoint:
                    earlier = scenes.step_back(database, claimed)
                    done, rewinds = (earlier or {"global_step": 0})["global_step"], rewinds + 1
                else:
                    done = 0
        assert steps(database, claimed.run_id) == {step: float(step) for step in range(1, done + 1)}
        with database.read() as session:
            summary = scenes.run(session, claimed.run_id).summary
        assert (summary or {"epoch": 0})["epoch"] == done // steps_of_an_epoch
    assert rewinds > 3, "nothing was rewound: the walk is too short"


def test_steps_without_a_gap_are_a_plain_range_and_a_gap_is_kept(
    database: Database, claimed: Claimed
) -> None:
    for first in (1, 4, 9):
        append(database, claimed, first, step_loss=[float(first + place) for place in range(3)])
    with database.read() as session:
        assert chunks.read_steps(session, claimed.run_id, "step_loss", last=5).positions == range(1, 6)
        found = chunks.read_steps(session, claimed.run_id, "step_loss")
    assert list(found.positions) == list(found.values) == [1, 2, 3, 4, 5, 6, 9, 10, 11]


def test_a_part_is_counted_as_it_is_read(database: Database, claimed: Claimed) -> None:
    for first in (1, 4, 7):
        append(database, claimed, first, step_loss=[0.5] * 3)
        sample(database, claimed, first, cpu_load=[(float(first + place), 0.5) for place in range(3)])
    run_id = claimed.run_id
    parts: list[dict[str, Any]] = [
        {},
        {"first": 3, "last": 7},
        {"first": 5, "last": 5},
        {"last": 1},
        {"first": 6, "last": 5},
    ]
    for part in parts:
        with database.read() as session:
            steps_there = chunks.count_steps(session, run_id, "step_loss", **part)
            samples_there = chunks.count_samples(session, run_id, "cpu_load", 1, **part)
        assert steps_there == len(steps(database, run_id, **part))
        assert samples_there == len(samples(database, run_id, 1, **part))
        assert steps_there == samples_there
