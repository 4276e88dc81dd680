"""The devices that workers train on: one worker for each GPU, or for each few, one on the CPU where there is none.

GPUs are named by UUID: NVML's order is not CUDA's. It must not load CUDA or torch.
"""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pynvml

CPU = "cpu"


@dataclass(frozen=True)
class Device:
    """`name` is "cpu" or what CUDA_VISIBLE_DEVICES takes: one GPU, or several that one worker holds, with commas."""

    name: str

    def environment(self, index: int) -> dict[str, str]:
        """Return what tells worker number `index` which device is its own."""
        return {
            "RUNYARD_WORKER_DEVICE": self.name,
            "RUNYARD_WORKER_NAME": f"worker-{index}@{socket.gethostname()}",
            "CUDA_VISIBLE_DEVICES": "" if self.name == CPU else self.name,
        }


def gpu_uuids() -> list[str]:
    """Return the UUIDs of this machine's GPUs, or of the slices of one that is cut up; none without a driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return [uuid for handle in handles for uuid in _slices(handle) or [pynvml.nvmlDeviceGetUUID(handle)]]
    finally:
        pynvml.nvmlShutdown()


def devices_for(environ: Mapping[str, str], list_gpus: Callable[[], list[str]] = gpu_uuids) -> list[Device]:
    """Return the devices to start workers on: those of CUDA_VISIBLE_DEVICES where it is set, else all."""
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    names = list_gpus() if visible is None else _visible(visible)
    return [Device(name) for name in names] or [Device(CPU)]


def held_together(devices: list[Device], number: int) -> list[Device]:
    """Return GPUs `number` at a time, each lot as one; the last may have fewer. A CPU stays what it is."""
    names = [device.name for device in devices]
    lots = [names[first : first + number] for first in range(0, len(names), number)]
    return [Device(",".join(lot)) for lot in lots]


def count_held(name: str, per_worker: int) -> int:
    """Return how many devices a worker on the device of this name holds: of a CPU as many as it is told."""
    return per_worker if name == CPU else name.count(",") + 1


def devices_of_workers(devices: list[Device], workers: int | None) -> list[Device]:
    """Return the device of each of `workers` workers; more workers than devices share them in turn."""
    if workers is None:
        return devices
    return [devices[index % len(devices)] for index in range(workers)]


def _visible(value: str) -> list[str]:
    """Return the entries as CUDA reads them: those behind a -1 are invisible."""
    entries = [entry.strip() for entry in value.split(",")]
    if "-1" in entries:
        entries = entries[: entries.index("-1")]
    return [entry for entry in entries if entry]


def _slices(handle: object) -> list[str]:
    """Return the UUIDs of a GPU's MIG slices: CUDA refuses to work on the whole of a GPU that is cut up."""
    try:
        mode, _ = pynvml.nvmlDeviceGetMigMode(handle)
        if mode != pynvml.NVML_DEVICE_MIG_ENABLE:
            return []
        most = pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)
    except pynvml.NVMLError:
        return []  # a kind of GPU that cannot be cut up
    return [uuid for index in range(most) if (uuid := _slice_uuid(handle, index))]


def _slice_uuid(handle: object, index: int) -> str | None:
    try:
        return pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index))
    except pynvml.NVMLError:
        return None  # a place without a slice
