import pytest

from backend.devices import (
    CPU,
    Device,
    count_held,
    devices_for,
    devices_of_workers,
    gpu_uuids,
    held_together,
)

GPUS = ["GPU-aaaa", "GPU-bbbb"]


def names(environ: dict[str, str], gpus: list[str]) -> list[str]:
    return [device.name for device in devices_for(environ, lambda: gpus)]


def test_every_gpu_is_a_device() -> None:
    assert names({}, GPUS) == GPUS


def test_a_machine_without_a_gpu_has_its_cpu() -> None:
    assert names({}, []) == [CPU]


@pytest.mark.parametrize(
    ("visible", "devices"),
    [
        ("1", ["1"]),
        ("0, 3", ["0", "3"]),
        ("GPU-bbbb", ["GPU-bbbb"]),
        ("", [CPU]),
        ("-1", [CPU]),
        ("2,-1,0", ["2"]),
    ],
)
def test_a_choice_in_the_environment_is_respected(visible: str, devices: list[str]) -> None:
    assert names({"CUDA_VISIBLE_DEVICES": visible}, GPUS) == devices


def test_a_choice_in_the_environment_asks_no_driver() -> None:
    def no_driver() -> list[str]:
        raise AssertionError("asked")

    assert devices_for({"CUDA_VISIBLE_DEVICES": "0"}, no_driver) == [Device("0")]


def test_asking_the_driver_is_no_error_where_there_is_none() -> None:
    assert isinstance(gpu_uuids(), list)


def test_a_worker_of_a_gpu_sees_that_gpu_alone() -> None:
    environment = Device("GPU-bbbb").environment(1)
    assert environment["CUDA_VISIBLE_DEVICES"] == environment["RUNYARD_WORKER_DEVICE"] == "GPU-bbbb"
    assert environment["RUNYARD_WORKER_NAME"].startswith("worker-1@")


def test_a_worker_of_several_gpus_sees_them_all() -> None:
    lots = held_together([Device(name) for name in "abcde"], 2)
    assert [device.name for device in lots] == ["a,b", "c,d", "e"]
    assert lots[0].environment(0)["CUDA_VISIBLE_DEVICES"] == "a,b"
    assert [count_held(device.name, 2) for device in lots] == [2, 2, 1]


def test_a_cpu_counts_as_many_devices_as_its_worker_is_told() -> None:
    assert held_together([Device(CPU)], 3) == [Device(CPU)]
    assert count_held(CPU, 3) == 3


def test_a_worker_of_the_cpu_sees_no_gpu() -> None:
    environment = Device(CPU).environment(0)
    assert (environment["CUDA_VISIBLE_DEVICES"], environment["RUNYARD_WORKER_DEVICE"]) == ("", CPU)


@pytest.mark.parametrize(
    ("workers", "expected"),
    [(None, ["a", "b"]), (0, []), (1, ["a"]), (3, ["a", "b", "a"])],
)
def test_workers_take_the_devices_in_turn(workers: int | None, expected: list[str]) -> None:
    devices = [Device("a"), Device("b")]
    assert [device.name for device in devices_of_workers(devices, workers)] == expected
