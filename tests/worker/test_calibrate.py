"""What is measured of a device: the fit, and a whole calibration."""

from pathlib import Path

import numpy as np
import pytest

from backend.catalog.models import models
from backend.catalog.workloads import LinearWork, Work, work_of
from backend.estimates.features import FEATURE_BATCH
from backend.estimates.speeds import speeds_of
from worker.engine import calibrate
from worker.engine.features import BATCH_IMAGES


def test_speeds_that_a_device_has_are_found_from_its_seconds() -> None:
    true = Work(layers=2e-5, parameters=1e-9, macs=2e-11, values=1e-9)
    works = [
        work_of(models()[arch], pixels, images)
        for arch, pixels, images in (
            ("resnet18", 32, 16),
            ("resnet18", 64, 32),
            ("alexnet", 64, 16),
            ("alexnet", 64, 64),
            ("vgg16", 32, 8),
        )
    ]
    found = calibrate.fitted(Work, works, [work.times(true) for work in works])
    assert vars(found) == pytest.approx(vars(true), rel=1e-4)


def test_a_unit_that_is_never_done_costs_nothing_and_no_speed_is_negative() -> None:
    matrix = np.array([[1.0, 0.0, 1.0], [1.0, 0.0, 2.0], [1.0, 0.0, 3.0]])
    assert calibrate.non_negative_solution(matrix, np.array([3.0, 2.0, 1.0])) == pytest.approx(
        [2.0, 0.0, 0.0]
    )
    assert calibrate.non_negative_solution(matrix, np.array([1.0, 2.0, 3.0])) == pytest.approx(
        [0.0, 0.0, 1.0]
    )


def test_features_are_made_in_batches_of_the_size_that_the_estimates_know() -> None:
    assert FEATURE_BATCH == BATCH_IMAGES


def test_every_unit_of_work_is_in_some_cell() -> None:
    for cells, unit in ((calibrate.NETWORKS, Work), (calibrate.LINEAR, LinearWork)):
        timed = [calibrate.Timed(cell, 1.0, 1.0, 0.0, 1.0, None) for cell in cells]
        works = [
            calibrate._network_work(one) if unit is Work else calibrate._linear_work(one) for one in timed
        ]
        table = np.array([list(vars(work).values()) for work in works])
        scaled = table / table.max(axis=0)
        assert np.linalg.matrix_rank(scaled) == table.shape[1], "the cells tell all units apart"


@pytest.mark.thorough
def test_a_calibration_gives_speeds_that_the_estimates_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The smallest cells: that the numbers hold is for benchmarks/estimate.py.
    monkeypatch.setattr(
        calibrate,
        "NETWORKS",
        (
            calibrate.Cell("squeezenet1_1", 32, 4, 1, completes=True),
            calibrate.Cell("squeezenet1_1", 32, 8, 1),
        ),
    )
    facts = calibrate.calibrate("cpu", tmp_path, threads=1)
    speeds = speeds_of(facts, "cpu")
    assert speeds.measured
    assert speeds.process_bytes > 50 * 2**20
    assert work_of(models()["squeezenet1_1"], 32, 8).times(speeds.training) > 0
    assert LinearWork(1, 1e4, 1e5, 0).times(speeds.linear_training) > 0
    assert min(speeds.start, speeds.saved_byte, speeds.optimizers.average) >= 0
    assert len(facts["measured"]) == 2 + len(calibrate.LINEAR)
