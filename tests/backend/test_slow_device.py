"""The rule for a device that is slower than it should be, fed from what is stored: attempts, calibrations, data sets."""

import pytest
from sqlalchemy.orm import Session

from backend.analysis.findings.registry import findings_of
from backend.catalog.workloads import CALIBRATION_VERSION
from backend.contract import RunState
from backend.estimates.speeds import ROUGH_CPU
from backend.estimates.time import epoch_seconds_on, seconds_on
from backend.examining import read_evidence
from backend.readiness import GENERATED
from backend.store import attempts, calibrations, revive, workers
from backend.store.attempts import Claimed
from backend.store.session import Database
from tests.backend.test_estimates import FACTS as MEASURED_FACTS
from tests.store import scenes

KEY = "Some processor, 2 threads, torch 2"
CPU_FACTS = {"device": "cpu", "data_hash": None}


def register(session: Session) -> None:
    """Register the worker that claims the runs of these tests."""
    workers.register(
        session, "worker-a", host="here", device="cpu", device_name="CPU", version="1", device_key=KEY
    )


def begun(database: Database, *, calibrated: bool = True, **told: object) -> Claimed:
    """Begin a run of generated images on a worker of a kind that was measured."""
    with database.write() as session:
        register(session)
        if calibrated:
            calibrations.keep(session, KEY, MEASURED_FACTS)
    scenes.launch(database, epochs=20)
    claimed = scenes.claim(database)
    describe(database, claimed, **told)
    return claimed


def describe(database: Database, claimed: Claimed, **told: object) -> None:
    with database.write() as session:
        attempts.describe(session, claimed.run_id, claimed.attempt, {**CPU_FACTS, **told})


def tell(database: Database, claimed: Claimed, first: int, *seconds: float) -> None:
    for epoch, one in enumerate(seconds, first):
        metrics = {"train_loss": 1.0, "test_acc": 0.5, "epoch_seconds": one}
        assert scenes.report(database, claimed, epoch, metrics, scenes.pointer(epoch))


def expected(database: Database, run_id: int) -> float | None:
    with database.read() as session:
        return read_evidence(session, run_id).expected_seconds_per_epoch


def slow(database: Database, run_id: int) -> list[str]:
    with database.read() as session:
        return [one.sentence for one in findings_of(read_evidence(session, run_id)) if one.rule == "slow"]


def test_an_epoch_and_the_whole_training_are_of_one_estimate() -> None:
    spec = scenes.a_spec(epochs=1)
    images = GENERATED["shapes"]
    one, two = (seconds_on(scenes.a_spec(epochs=epochs), images, ROUGH_CPU) for epochs in (1, 2))
    assert epoch_seconds_on(spec, images, ROUGH_CPU) == pytest.approx(two - one)


def test_a_run_far_slower_than_its_calibrated_device_should_be_is_noted(sqlite_database: Database) -> None:
    claimed = begun(sqlite_database)
    should = expected(sqlite_database, claimed.run_id)
    assert should is not None
    assert should > 0
    tell(sqlite_database, claimed, 1, *[1.5 * should + 2] * 3)
    (sentence,) = slow(sqlite_database, claimed.run_id)
    assert f"times the {should:.3g} s that the calibration" in sentence


def test_one_as_fast_as_it_should_be_is_not_nor_one_slow_epoch(sqlite_database: Database) -> None:
    claimed = begun(sqlite_database)
    should = expected(sqlite_database, claimed.run_id)
    assert should is not None
    tell(sqlite_database, claimed, 1, 100 * should + 100, should, 1.4 * should, should)
    assert slow(sqlite_database, claimed.run_id) == []


def test_a_single_epoch_says_nothing(sqlite_database: Database) -> None:
    claimed = begun(sqlite_database)
    tell(sqlite_database, claimed, 1, 1e6)
    assert slow(sqlite_database, claimed.run_id) == []


def test_nothing_is_expected_of_a_device_that_nobody_measured(sqlite_database: Database) -> None:
    claimed = begun(sqlite_database, calibrated=False)
    tell(sqlite_database, claimed, 1, 1e6, 1e6)
    assert expected(sqlite_database, claimed.run_id) is None
    with sqlite_database.write() as session:
        calibrations.keep(session, KEY, {**MEASURED_FACTS, "version": CALIBRATION_VERSION - 1})
    assert expected(sqlite_database, claimed.run_id) is None
    assert slow(sqlite_database, claimed.run_id) == []


def test_features_that_are_made_anew_in_each_epoch_are_no_part_of_an_estimate(
    sqlite_database: Database,
) -> None:
    claimed = begun(sqlite_database, features={"origin": "remade each epoch"})
    assert expected(sqlite_database, claimed.run_id) is None
    describe(sqlite_database, claimed, features={"origin": "made"})
    assert expected(sqlite_database, claimed.run_id) is not None


def test_a_data_set_that_is_no_more_has_no_estimate(sqlite_database: Database) -> None:
    with sqlite_database.write() as session:
        register(session)
        calibrations.keep(session, KEY, MEASURED_FACTS)
    scenes.launch(sqlite_database, dataset={"name": "gone"})
    claimed = scenes.claim(sqlite_database)
    describe(sqlite_database, claimed, data_hash="d" * 64)
    assert expected(sqlite_database, claimed.run_id) is None


def test_only_the_epochs_of_the_newest_attempt_are_held_against_its_device(
    sqlite_database: Database,
) -> None:
    claimed = begun(sqlite_database)
    should = expected(sqlite_database, claimed.run_id)
    assert should is not None
    tell(sqlite_database, claimed, 1, *[1e4] * 5)
    assert slow(sqlite_database, claimed.run_id)
    assert scenes.end(sqlite_database, claimed, RunState.FAILED)
    with sqlite_database.write() as session:
        revive.resume(session, claimed.run_id)
    again = scenes.claim(sqlite_database)
    describe(sqlite_database, again)
    tell(sqlite_database, again, 6, should, should)
    assert slow(sqlite_database, claimed.run_id) == []


def test_the_kind_of_device_outlives_the_row_of_its_worker(sqlite_database: Database) -> None:
    claimed = begun(sqlite_database)
    with sqlite_database.write() as session:
        workers.leave(session, "worker-a")
    assert expected(sqlite_database, claimed.run_id) is not None
