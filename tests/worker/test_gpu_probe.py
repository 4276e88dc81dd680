"""Which GPUs a training has, and what is told of one where nothing answers."""

import math

import pytest

from worker.gpu_probe import ListedGpu, NvmlProbe, training_gpus, uuids_of

FAST = ListedGpu("GPU-aaaa-1", "fast")
SLOW = ListedGpu("GPU-bbbb-2", "slow")
TWIN = ListedGpu("GPU-cccc-3", "fast")


def test_a_uuid_names_a_gpu_whatever_its_place() -> None:
    assert uuids_of([SLOW.uuid], [FAST, SLOW], in_bus_order=False) == [SLOW.uuid]


def test_the_beginning_of_a_uuid_names_it_as_for_cuda() -> None:
    assert uuids_of(["GPU-bb"], [FAST, SLOW], in_bus_order=False) == [SLOW.uuid]


def test_a_number_counts_where_cuda_orders_by_the_bus() -> None:
    assert uuids_of(["1"], [FAST, SLOW], in_bus_order=True) == [SLOW.uuid]


def test_a_number_counts_where_no_gpu_is_faster_than_another() -> None:
    assert uuids_of(["1", "0"], [FAST, TWIN], in_bus_order=False) == [TWIN.uuid, FAST.uuid]


def test_a_number_that_may_mean_another_gpu_is_left_out() -> None:
    assert uuids_of(["0"], [FAST, SLOW], in_bus_order=False) == []


@pytest.mark.parametrize("name", ["2", "GPU-dd"])
def test_a_gpu_that_is_not_there_is_left_out(name: str) -> None:
    assert uuids_of([name], [FAST, SLOW], in_bus_order=True) == []


def test_a_gpu_that_does_not_answer_tells_nothing_and_raises_nothing() -> None:
    probe = NvmlProbe(None)
    told = [probe.load(), probe.memory_bytes(), probe.watts(), probe.joules()]
    assert all(map(math.isnan, told))


def test_a_process_that_sees_no_gpu_has_none() -> None:
    assert training_gpus(1, {"CUDA_VISIBLE_DEVICES": ""}) == []
