"""What a training ran on, as facts to be kept. No environment variables: they hold secrets."""

import platform
import shlex
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn

from backend.catalog.models import models
from backend.catalog.workloads import macs
from worker.engine.data import Dataset
from worker.engine.models import Change, parameter_count, trained_parameter_count
from worker.engine.processor import processor_name
from worker.engine.weights import StartingWeights

_PROJECT = Path(__file__).parents[2]


def environment(dataset: Dataset, device: torch.device) -> dict[str, Any]:
    """Return versions, device, data and determinism flags, as plain JSON."""
    on_gpu = device.type == "cuda"
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "cuda": torch.version.cuda if on_gpu else None,
        "cudnn": torch.backends.cudnn.version() if on_gpu else None,
        "device": device.type,
        "device_name": torch.cuda.get_device_name(device) if on_gpu else processor_name(),
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
        "host": platform.node(),
        "data": dataset.name,
        "data_hash": dataset.hash,
        "command": shlex.join(sys.argv),
        "commit": git_commit(),
        "deterministic": torch.are_deterministic_algorithms_enabled() if on_gpu else True,
        "tf32_matmul": torch.backends.cuda.matmul.allow_tf32 if on_gpu else None,
        "tf32_convolution": torch.backends.cudnn.allow_tf32 if on_gpu else None,
    }


def about_model(network: nn.Module, changes: list[Change], arch: str, pixels: int) -> dict[str, Any]:
    """Return what was changed in the library's network, how much of it is trained, and what an image of `pixels` costs.

    `mega_macs` are millions of multiply-adds of one pass forward, with the library's output layer.
    """
    trained = trained_parameter_count(network)
    model = models()[arch]
    return {
        "changes": [asdict(change) for change in changes],
        "mega_macs": round(macs(model, pixels) / 1e6, 3) if model.mega_macs else None,
        "parameters_trained": trained,
        "parameters_frozen": parameter_count(network) - trained,
    }


def about_weights(weights: StartingWeights | None) -> dict[str, Any] | None:
    """Return whose weights this attempt read; None for a random start, and for a network that goes on from its checkpoint.

    For the latter the store keeps what the run began with (`backend.store.attempts.describe`).
    """
    return weights and {"source": weights.source, "about": weights.about, "sha256": weights.sha256}


def git_commit() -> str | None:
    """Return the commit of this checkout, with "+changes" where files differ from it; None outside of one."""
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return None
    return f"{commit}+changes" if _git("status", "--porcelain", "--untracked-files=no") else commit


def _git(*arguments: str) -> str | None:
    if not (_PROJECT / ".git").exists():  # installed into some other repository's environment
        return None
    try:
        answer = subprocess.run(
            ["git", "-C", str(_PROJECT), *arguments], capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
