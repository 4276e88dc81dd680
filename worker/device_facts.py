"""What the store is told of a worker's device: its name, its kind as calibrations know it, its memory. No torch."""

import os
from collections.abc import Callable
from importlib.metadata import version
from typing import TypeVar

import psutil
import pynvml

from backend.devices import CPU, gpu_uuids
from worker.engine.processor import processor_name

Fact = TypeVar("Fact")


def device_name(device: str) -> str:
    """Return the name of a device for people."""
    return f"CPU, {_cores()} cores" if device == CPU else _of_gpu(device, _gpu_name)


def device_key(device: str, threads: int) -> str:
    """Return what devices that are equally fast have in common; `threads` is the setting, 0 for torch's choice."""
    torch = f"torch {version('torch')}"
    if device != CPU:
        return f"{_of_gpu(device, _gpu_name)}, {torch}"
    return f"{processor_name()}, {threads or _cores()} threads, {torch}"


def memory_bytes(device: str) -> int:
    """Return the memory of the device: for a CPU that of the machine."""
    return psutil.virtual_memory().total if device == CPU else _of_gpu(device, _gpu_memory)


def _cores() -> int:
    there = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return len(there)


def _gpu_name(handle: object) -> str:
    return str(pynvml.nvmlDeviceGetName(handle))


def _gpu_memory(handle: object) -> int:
    return int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)


def _of_gpu(device: str, ask: Callable[[object], Fact]) -> Fact:
    """Return what the driver says of a GPU; of several that one worker holds, of the first: they are of one kind."""
    pynvml.nvmlInit()
    try:
        return ask(_handle(device.partition(",")[0]))
    finally:
        pynvml.nvmlShutdown()


def _handle(name: str) -> object:
    """Return NVML's handle of a GPU that is named by its UUID, by how that begins, or by its number.

    NVML's order may differ from CUDA's: a number then names another GPU of the machine, which is good enough for a name
    and a size.
    """
    if name.isdecimal():
        return pynvml.nvmlDeviceGetHandleByIndex(int(name))
    known = next((uuid for uuid in gpu_uuids() if uuid.startswith(name)), name)
    return pynvml.nvmlDeviceGetHandleByUUID(known)
