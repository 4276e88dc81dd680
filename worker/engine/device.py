"""Where a training runs, and how that place is set up. Nothing of torch.cuda is called at import."""

import resource
import sys

import torch

from backend.errors import InvalidSpec

DEVICES = ("auto", "cpu", "cuda")


def choose_device(wanted: str) -> torch.device:
    """Return the device for "cpu", "cuda" or "auto" (the GPU where there is one).

    Raises:
        InvalidSpec: it is none of these, or there is no GPU.
    """
    if wanted not in DEVICES:
        raise InvalidSpec(f"The device is {wanted!r}; it must be one of {', '.join(DEVICES)}.")
    has_gpu = wanted != "cpu" and torch.cuda.is_available()
    if wanted == "cuda" and not has_gpu:
        raise InvalidSpec("The device is 'cuda', and this worker has no GPU that torch can use.")
    return torch.device("cuda" if has_gpu else "cpu")


def set_up(device: torch.device, *, threads: int, deterministic: bool) -> None:
    """Set the threads (0: torch's choice) and, on a GPU, whether kernels must repeat their results.

    A CPU repeats them anyway. The process is the training's own: nothing is set back.
    """
    if threads:
        torch.set_num_threads(threads)
    if device.type == "cuda":
        torch.backends.cudnn.deterministic = deterministic
        torch.backends.cudnn.benchmark = not deterministic
        # Warns instead of refusing: some layers (adaptive pooling) have no repeatable backward on a GPU.
        torch.use_deterministic_algorithms(deterministic, warn_only=True)


def start_peak_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory_bytes(device: torch.device) -> int:
    """Return the most memory taken: on a GPU by torch since `start_peak_memory`, on a CPU by the process, ever."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kibibytes on Linux
