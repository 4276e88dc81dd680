"""What a GPU tells of itself through NVML, and which GPUs a training has. Must not load CUDA or torch."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pynvml
import structlog

from backend.devices import CPU, devices_for, gpu_uuids

log = structlog.get_logger()


class GpuProbe(Protocol):
    """One GPU, or one slice of a GPU. What it does not tell, now or ever, is NaN."""

    def load(self) -> float:
        """Return the share of the last moment in which it computed: 0 to 1."""
        ...

    def memory_bytes(self) -> float:
        """Return the memory that is taken on it, by whichever process."""
        ...

    def watts(self) -> float: ...

    def joules(self) -> float:
        """Return the energy that it took since some moment that stays the same."""
        ...


class NvmlProbe:
    """A GPU by NVML's handle."""

    def __init__(self, handle: object) -> None:
        self._handle = handle

    def load(self) -> float:
        return _told(lambda: pynvml.nvmlDeviceGetUtilizationRates(self._handle).gpu) / 100

    def memory_bytes(self) -> float:
        return _told(lambda: pynvml.nvmlDeviceGetMemoryInfo(self._handle).used)

    def watts(self) -> float:
        return _told(lambda: pynvml.nvmlDeviceGetPowerUsage(self._handle)) / 1000

    def joules(self) -> float:
        return _told(lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)) / 1000


def _told(ask: Callable[[], Any]) -> float:
    try:
        return float(ask())
    except pynvml.NVMLError:
        return math.nan  # not on this kind, not for a slice, or not now


@dataclass(frozen=True)
class ListedGpu:
    """A GPU in NVML's order, which is that of the bus."""

    uuid: str
    model: str


def training_gpus(count: int, environ: Mapping[str, str] = os.environ) -> list[GpuProbe]:
    """Return the first `count` GPUs that this process sees; none where there is no driver, or where NVML's cannot be told."""
    listed = _listed()
    names = [device.name for device in devices_for(environ, lambda: [str(n) for n in range(len(listed))])]
    in_bus_order = environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
    uuids = uuids_of([name for name in names if name != CPU][:count], listed, in_bus_order=in_bus_order)
    if listed and len(uuids) < min(count, len(names)):
        log.warning(
            "no figures of this GPU: CUDA's number does not tell which it is; name it by its UUID",
            names=names,
        )
        return []
    return _probes(uuids)


def uuids_of(names: Sequence[str], listed: Sequence[ListedGpu], *, in_bus_order: bool) -> list[str]:
    """Return the UUIDs of GPUs as CUDA_VISIBLE_DEVICES names them: by UUID, by how one begins, or by number.

    A number that CUDA may give to another GPU than NVML does is left out: CUDA's order begins with the fastest, unless
    it was told to take that of the bus. Among GPUs of one model there is no faster one.
    """
    numbered = in_bus_order or len({gpu.model for gpu in listed}) == 1
    found: list[str] = []
    for name in names:
        if name.isdecimal():
            found += [listed[int(name)].uuid] if numbered and int(name) < len(listed) else []
        else:
            found += [gpu.uuid for gpu in listed if gpu.uuid.startswith(name)][:1]
    return found


def _listed() -> list[ListedGpu]:
    uuids = gpu_uuids()
    return [ListedGpu(uuid, _model(uuid)) for uuid in uuids] if uuids and _begin() else []


def _model(uuid: str) -> str:
    try:
        return str(pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByUUID(uuid)))
    except pynvml.NVMLError:
        return uuid  # unlike every other


def _probes(uuids: Sequence[str]) -> list[GpuProbe]:
    try:
        return [NvmlProbe(pynvml.nvmlDeviceGetHandleByUUID(uuid)) for uuid in uuids]
    except pynvml.NVMLError as problem:
        log.warning("no figures of this GPU", error=str(problem))
        return []


def _begin() -> bool:
    """Open NVML and leave it open: the probes read from it until the process ends."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return False
    return True
