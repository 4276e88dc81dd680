"""Where a training runs, and how that place is set up. Nothing of torch.cuda is called at import."""

import os
import resource
import sys

import torch

from backend.errors import InvalidSpec

DEVICES = ("auto", "cpu", "cuda")

_OUT_OF_MEMORY = ("DefaultCPUAllocator", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")


class OutOfMemory(MemoryError):
    """There is not memory enough, and what can be made smaller has been; the message names the sizes."""


def choose_device(wanted: str, rank: int = 0) -> torch.device:
    """Return the device for "cpu", "cuda" or "auto" (a GPU where there is one): of several GPUs that of this rank.

    Raises:
        InvalidSpec: it is none of these, or there is no such GPU.
    """
    if wanted not in DEVICES:
        raise InvalidSpec(f"The device is {wanted!r}; it must be one of {', '.join(DEVICES)}.")
    has_gpu = wanted != "cpu" and torch.cuda.is_available()
    if wanted == "cuda" and not has_gpu:
        raise InvalidSpec("The device is 'cuda', and this worker has no GPU that torch can use.")
    if not has_gpu:
        return torch.device("cpu")
    count = torch.cuda.device_count()
    if rank >= count:
        raise InvalidSpec(f"devices is over {rank}, and this worker has {count} GPUs that torch can use.")
    return torch.device("cuda", rank)


def set_up(device: torch.device, *, threads: int, deterministic: bool, precision: str = "fp32") -> None:
    """Set the threads (0: torch's choice) and, on a GPU, its precision and whether kernels must repeat their results.

    A CPU repeats them anyway. The process is the training's own: nothing is set back.
    """
    if threads:
        torch.set_num_threads(threads)
    if device.type != "cuda":
        return
    torch.cuda.set_device(device)
    # bf16 leaves some layers in 32 bits; TF32 is good enough for those then.
    torch.set_float32_matmul_precision("highest" if precision == "fp32" else "high")
    torch.backends.cudnn.allow_tf32 = precision != "fp32"
    torch.backends.cudnn.deterministic = deterministic
    torch.backends.cudnn.benchmark = not deterministic
    if deterministic:
        # Read when cuBLAS is first used, which is after this.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Warns instead of refusing: some layers (adaptive pooling) have no repeatable backward on a GPU.
    torch.use_deterministic_algorithms(deterministic, warn_only=True)


def is_out_of_memory(problem: BaseException) -> bool:
    """Say whether the device or the machine had no memory left.

    Torch's allocator on a CPU, and CUDA's libraries, raise plain RuntimeErrors for it.
    """
    if isinstance(problem, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(problem, RuntimeError) and any(mark in str(problem) for mark in _OUT_OF_MEMORY)


def free_unused_memory(device: torch.device) -> None:
    """Give back what torch holds of a GPU without need: pieces too small for what comes next."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def memory_text(device: torch.device) -> str:
    """Say how much memory the device has and how much of it is free, for people; empty for a CPU."""
    if device.type != "cuda":
        return ""
    free, total = torch.cuda.mem_get_info(device)
    return f" {free / 2**30:.1f} of the GPU's {total / 2**30:.1f} GiB are free."


def start_peak_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory_bytes(device: torch.device) -> int:
    """Return the most memory taken: on a GPU by torch since `start_peak_memory`, on a CPU by the process, ever."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kibibytes on Linux
