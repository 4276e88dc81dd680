"""The energy of a training: counted by the GPU, or summed up from its power."""

import math

import pytest

from tests.worker.gpus import GivenGpu
from worker.energy import EnergyMeter, EnergyOfEpochs


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_counters_of_all_gpus_are_added() -> None:
    one, other = GivenGpu(joules=1e9), GivenGpu(joules=5.0)
    energy = EnergyOfEpochs(EnergyMeter([one, other]))
    one.now["joules"] += 3600
    other.now["joules"] += 1800
    assert energy.take_wh() == 1.5


def test_without_a_counter_the_power_is_summed_up_over_time() -> None:
    gpu, clock = GivenGpu(watts=100, joules=math.nan), Clock()
    meter = EnergyMeter([gpu], clock)
    energy = EnergyOfEpochs(meter)
    clock.now += 10
    gpu.now["watts"] = 300
    assert meter.read() == 2000  # ten seconds at 200 W on the mean
    clock.now += 10
    assert energy.take_wh() == pytest.approx((2000 + 3000) / 3600)


def test_a_gap_in_the_power_is_bridged() -> None:
    gpu, clock = GivenGpu(watts=100, joules=math.nan), Clock()
    energy = EnergyOfEpochs(EnergyMeter([gpu], clock))
    clock.now += 18
    gpu.now["watts"] = math.nan
    assert energy.take_wh() is None
    clock.now += 18
    gpu.now["watts"] = 100
    assert energy.take_wh() == 1.0


def test_an_epoch_whose_reading_failed_counts_in_the_next_one() -> None:
    gpu = GivenGpu()
    energy = EnergyOfEpochs(EnergyMeter([gpu]))
    gpu.now["joules"] = math.nan
    assert energy.take_wh() is None
    gpu.now["joules"] = 7200
    assert energy.take_wh() == 2.0


def test_a_counter_that_fails_at_the_start_counts_from_the_first_reading() -> None:
    gpu, clock = GivenGpu(watts=math.nan, joules=math.nan), Clock()
    energy = EnergyOfEpochs(EnergyMeter([gpu], clock))
    assert energy.take_wh() is None
    gpu.now["watts"] = 50
    assert energy.take_wh() is None
    clock.now += 36
    assert energy.take_wh() == 0.5


def test_no_gpu_has_no_energy() -> None:
    assert EnergyOfEpochs(EnergyMeter([])).take_wh() is None
