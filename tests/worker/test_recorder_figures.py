"""From the device to the store: samples become series, and each epoch knows its energy."""

import time

from backend.processes import wait_until
from backend.store import chunks, points
from backend.store.session import Database
from tests.store import scenes
from tests.worker.gpus import GivenGpu
from worker.device_figures import DeviceFigures
from worker.recorder import DatabaseRecorder


def test_what_is_sampled_and_counted_in_a_training_lies_in_the_store_afterwards(database: Database) -> None:
    scenes.launch(database)
    claimed = scenes.claim(database)
    gpu = GivenGpu(load=0.25, watts=400)
    recorder = DatabaseRecorder(database, claimed, 5, 60, end_process=lambda _: None)
    figures = DeviceFigures(recorder.device_sample, time.monotonic(), lambda: [gpu], sample_seconds=0.02)
    recorder.take_energy_wh = figures.take_energy_wh
    recorder.start()
    with figures:
        assert wait_until(lambda: figures.take_energy_wh() is not None, 120)
        for epoch, watt_hours in enumerate((2.5, 0.5), 1):
            gpu.now["joules"] += 3600 * watt_hours
            recorder.epoch(epoch, {"test_acc": 0.5}, None)
    recorder.close()
    with database.read() as session:
        assert points.read(session, claimed.run_id)["energy_wh"].values == [2.5, 0.5]
        load = chunks.read_samples(session, claimed.run_id, "gpu_load", claimed.attempt)
        cpus = chunks.read_samples(session, claimed.run_id, "process_cpus", claimed.attempt)
    assert set(load.values) == {0.25}
    assert len(load.positions) == len(cpus.positions) >= 1


def test_an_epoch_on_a_device_that_tells_no_energy_has_no_such_point(database: Database) -> None:
    scenes.launch(database)
    claimed = scenes.claim(database)
    recorder = DatabaseRecorder(database, claimed, 5, 60, end_process=lambda _: None)
    recorder.start()
    recorder.epoch(1, {"test_acc": 0.5}, None)
    recorder.close()
    with database.read() as session:
        assert set(points.read(session, claimed.run_id)) == {"test_acc"}
