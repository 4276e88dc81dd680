"""What numbers a training computes with and whether its network is compiled: as asked for, or decided, with the reason.

The reasons are kept with the run. No constant here was measured on a GPU by this project (see README).
"""

from dataclasses import asdict, dataclass

import torch

from backend.catalog.models import models
from backend.catalog.workloads import macs
from backend.errors import InvalidSpec
from backend.spec import Spec

BF16_CAPABILITY = (8, 0)
"""CUDA compute capability from which a GPU has bf16 and TF32 units. Source: NVIDIA's Ampere white paper."""

_COMPILE_PAYS_SECONDS = 600.0
"""A training that is expected to take longer is compiled: that takes a minute or so, and gains a tenth to a third."""
_MACS_PER_SECOND = 50e12
"""What a training is expected to reach on a GPU with bf16. AN ESTIMATE: an eighth of an H100's peak."""


@dataclass(frozen=True)
class Decision:
    """`used` of what was `wanted`, and why."""

    wanted: str
    used: str
    why: str

    def to_json(self) -> dict[str, str]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.used} ({self.why})"


def has_bf16_units(device: torch.device) -> bool:
    """Say whether it has units for bf16, and so for TF32."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= BF16_CAPABILITY


def decide_precision(wanted: str, device: torch.device, *, single_layer: bool) -> Decision:
    """Return fp32, tf32 or bf16.

    Raises:
        InvalidSpec: the device does not have what was asked for.
    """
    on_gpu, has_units = device.type == "cuda", has_bf16_units(device)
    if wanted in ("tf32", "bf16") and not has_units and (on_gpu or wanted == "tf32"):
        where = "this GPU has no units for it" if on_gpu else "only GPUs have it"
        raise InvalidSpec(f"precision is '{wanted}', and {where}: it must be 'auto' or 'fp32' here.")
    if wanted != "auto":
        return Decision(wanted, wanted, "as asked for")
    if not on_gpu:
        return Decision(wanted, "fp32", "on a CPU bf16 takes longer")
    if not has_units:
        return Decision(wanted, "fp32", "this GPU has no bf16 units")
    if single_layer:
        return Decision(wanted, "fp32", "a single layer waits for its data, not for its arithmetic")
    return Decision(wanted, "bf16", "this GPU has bf16 units")


def decide_compile(spec: Spec, device: torch.device, *, images: int, pixels: int) -> Decision:
    """Return on or off; `images` are those of one epoch."""
    if spec.compile != "auto":
        return Decision(spec.compile, spec.compile, "as asked for")
    if device.type != "cuda":
        return Decision("auto", "off", "on a CPU it gains nothing, and its first step takes minutes")
    model = models().get(spec.model.arch)
    if spec.features or model is None or not model.mega_macs:
        return Decision("auto", "off", "the network is a single layer")
    # Forward, and backward for the weights and for the layer before.
    seconds = 3 * macs(model, pixels) * images * spec.epochs / _MACS_PER_SECOND
    if seconds < _COMPILE_PAYS_SECONDS:
        return Decision("auto", "off", f"about {seconds:.0f} s of training do not pay for it")
    return Decision("auto", "on", f"about {seconds:.0f} s of training pay for it")
