"""What a training tells of its device: the sampling thread, the process's own figures, those of GPUs."""

import math
import subprocess
import sys
import threading
import time
from itertools import pairwise

import psutil
import pynvml
import pytest

from backend.contract import DENSE_SERIES
from backend.processes import wait_until
from tests.worker.gpus import GivenGpu
from worker.device_figures import DeviceFigures, ProcessFigures, figures_of_training, gpu_figures

OF_PROCESS = {"cpu_load", "process_cpus", "process_memory_bytes"}
OF_GPU = {"gpu_load", "gpu_memory_bytes", "gpu_watts"}
BURN = "import time\nprint('on', flush=True)\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass"


class Heard:
    """What was told, and how much processor time the teller's thread had taken by then."""

    def __init__(self) -> None:
        self.samples: list[tuple[float, dict[str, float]]] = []
        self.thread_seconds: list[float] = []

    def __call__(self, seconds: float, values: dict[str, float]) -> None:
        self.samples.append((seconds, values))
        self.thread_seconds.append(time.thread_time())


def test_the_names_are_those_of_the_series_by_second() -> None:
    assert {name for name, series in DENSE_SERIES.items() if series.by == "second"} == OF_PROCESS | OF_GPU


def test_samples_come_at_the_interval_and_end_with_the_training() -> None:
    heard = Heard()
    began_at = time.monotonic() - 100
    with DeviceFigures(heard, began_at, sample_seconds=0.05):
        assert wait_until(lambda: len(heard.samples) >= 4, 120)
    told = len(heard.samples)
    seconds = [at for at, _ in heard.samples]
    assert seconds == sorted(set(seconds))
    assert seconds[0] >= 100.05
    assert min(later - sooner for sooner, later in pairwise(seconds)) >= 0.05
    assert not [thread for thread in threading.enumerate() if thread.name == "device-figures"]
    assert len(heard.samples) == told


def test_a_training_on_a_cpu_tells_nothing_of_a_gpu() -> None:
    heard = Heard()
    with figures_of_training(heard, time.monotonic(), "cpu", 1) as figures:
        began = time.monotonic()
        assert wait_until(lambda: time.monotonic() - began > 0.6, 120)
        assert figures.take_energy_wh() is None
    assert {frozenset(values) for _, values in heard.samples} == {frozenset(OF_PROCESS)}


def test_a_training_that_ends_before_the_first_sample_is_sampled_at_its_end() -> None:
    heard = Heard()
    with DeviceFigures(heard, time.monotonic(), sample_seconds=3600):
        began = time.monotonic()
        assert wait_until(lambda: time.monotonic() - began > 0.8, 120)
    assert len(heard.samples) == 1


def test_a_training_is_sampled_once_however_short_it_was() -> None:
    heard = Heard()
    with DeviceFigures(heard, time.monotonic(), sample_seconds=3600):
        pass
    assert [set(values) for _, values in heard.samples] == [OF_PROCESS]
    assert heard.samples[0][1]["process_memory_bytes"] > 0


def test_gpus_are_sampled_together_with_the_process_and_their_energy_is_told_once() -> None:
    heard, gpu = Heard(), GivenGpu(joules=7200.0)
    with DeviceFigures(heard, time.monotonic(), lambda: [gpu], sample_seconds=0.05) as figures:
        assert wait_until(lambda: heard.samples, 120)
        gpu.now["joules"] = 7200.0 + 3600 * 1.5
        assert figures.take_energy_wh() == 1.5
        assert figures.take_energy_wh() == 0.0
    assert set(heard.samples[0][1]) == OF_PROCESS | OF_GPU
    assert heard.samples[0][1]["gpu_load"] == 0.5


def test_figures_of_several_gpus_are_their_mean_load_and_the_sums_of_the_rest() -> None:
    gpus = [GivenGpu(load=1.0, memory_bytes=10, watts=300), GivenGpu(load=0.5, memory_bytes=30, watts=100)]
    assert gpu_figures(gpus) == {"gpu_load": 0.75, "gpu_memory_bytes": 40, "gpu_watts": 400}


def test_what_one_of_the_gpus_does_not_tell_is_a_gap_and_the_rest_is_not() -> None:
    told = gpu_figures([GivenGpu(), GivenGpu(load=math.nan)])
    assert math.isnan(told["gpu_load"])
    assert told["gpu_watts"] == 200


def test_a_sample_that_cannot_be_told_ends_neither_the_thread_nor_the_training() -> None:
    heard: list[float] = []

    def tell(seconds: float, _values: dict[str, float]) -> None:
        heard.append(seconds)
        raise OSError("the store is full")

    with DeviceFigures(tell, time.monotonic(), sample_seconds=0.05):
        assert wait_until(lambda: len(heard) >= 3, 120)


def test_a_driver_that_fails_at_the_start_ends_no_training() -> None:
    def find() -> list[GivenGpu]:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_UNKNOWN)

    heard = Heard()
    with DeviceFigures(heard, time.monotonic(), find, sample_seconds=0.05) as figures:
        assert wait_until(lambda: heard.samples, 120)
        assert figures.take_energy_wh() is None
    assert set(heard.samples[0][1]) == OF_PROCESS


def test_the_process_figures_are_those_of_this_machine() -> None:
    figures = ProcessFigures()
    began, spent = time.monotonic(), time.process_time()
    while time.process_time() - spent < 0.4:
        pass
    took = time.monotonic() - began
    told = figures.take()
    # The process spent 0.4 s or a little more; psutil counts in hundredths.
    assert told["process_cpus"] == pytest.approx(0.4 / took, rel=0.35)
    assert 0.0 <= told["cpu_load"] <= 1.0
    resident = psutil.Process().memory_info().rss
    assert told["process_memory_bytes"] == pytest.approx(resident, rel=0.2)


@pytest.mark.thorough
def test_what_a_child_takes_counts_once_it_is_known_and_its_end_is_no_fault() -> None:
    with subprocess.Popen([sys.executable, "-c", BURN], stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout and child.stdout.readline() == b"on\n"
            life = psutil.Process(child.pid)
            assert wait_until(lambda: life.cpu_times().user > 0.5, 60)
            figures = ProcessFigures()
            # The child is found here; the half second of its life so far is not of this stretch.
            began = time.monotonic()
            first = figures.take()
            assert first["process_memory_bytes"] > psutil.Process().memory_info().rss
            before = life.cpu_times().user
            assert wait_until(lambda: life.cpu_times().user > before + 0.4, 60)
            second = figures.take()
            assert second["process_cpus"] * (time.monotonic() - began) >= 0.35
        finally:
            child.kill()
    third = figures.take()
    assert third["process_memory_bytes"] < second["process_memory_bytes"]
    assert third["process_cpus"] >= 0.0


def test_a_sample_costs_so_little_that_the_thread_is_far_under_a_percent() -> None:
    heard = Heard()
    with DeviceFigures(heard, time.monotonic(), lambda: [GivenGpu()], sample_seconds=0.02):
        assert wait_until(lambda: len(heard.samples) > 40, 60)
    each = (heard.thread_seconds[-1] - heard.thread_seconds[0]) / (len(heard.samples) - 1)
    assert each < 0.005  # of the two seconds that lie between samples: a quarter of a percent
