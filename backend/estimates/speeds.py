"""What is known of the speed of a device: from a worker's calibration, or from constants of another machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from backend.catalog.workloads import CALIBRATION_VERSION, LinearWork, Work
from backend.contract import DeviceKind

_ROUGH_MACS_PER_SECOND = 60e9
_ROUGH_STEP_SECONDS = 0.09
_ROUGH_LAYERS = 50
"""Of the networks that the step was measured on, about: AlexNet has 21, VGG16 39, ResNet-18 60."""
_ROUGH_PARAMETER_SECONDS = 3.2e-9
"""These, of two cores of a 2.5 GHz Xeon, fitted at once to ten speeds of AlexNet, ResNet-18 and VGG16: none is missed
by more than 31%."""

_ROUGH_PASSES = 3
"""Forward, and backward for the weights and for the layer before: each costs as much."""

_ROUGH_GPU_SPEEDUP = 300.0
"""How many times as fast one H100 is. AN ESTIMATE, NOT MEASURED: 18 TMAC/s, less than a tenth of what it has in theory
(495 TFLOP/s of TF32, two to a multiply-add), since it often waits for memory and for the next small step."""

_CPU_BF16 = 2.0
"""Times as long on a CPU: bf16 reached 0.4 to 0.6 of the speed of fp32 on one without units for it."""


@dataclass(frozen=True)
class Optimizers:
    """Seconds for one parameter: of the step beyond that of plain SGD, by optimizer; and of taking it into an average."""

    momentum: float
    adam: float
    average: float


@dataclass(frozen=True)
class Speeds:
    """Seconds of one unit of work on a device. `measured` says whether on this kind of device, or on another."""

    kind: DeviceKind
    measured: bool
    training: Work
    evaluation: Work
    linear_training: LinearWork
    linear_evaluation: LinearWork
    optimizers: Optimizers
    epoch: float
    """Of an epoch, beside its batches."""
    start: float
    start_parameter: float
    """To build a network, for each of its parameters."""
    saved_byte: float
    precisions: Mapping[str, float] = field(compare=False)
    """Times as long as in the precision that `auto` takes."""
    process_bytes: int
    """Of memory that a training process has before it trains."""

    @property
    def basis(self) -> str:
        """Where they come from, in words."""
        return "measured on this kind of device" if self.measured else "rough: from another kind of device"


ROUGH_CPU = Speeds(
    kind="cpu",
    measured=False,
    training=Work(
        layers=_ROUGH_STEP_SECONDS / _ROUGH_LAYERS,
        parameters=_ROUGH_PARAMETER_SECONDS,
        macs=_ROUGH_PASSES / _ROUGH_MACS_PER_SECOND,
        values=0.0,
    ),
    evaluation=Work(layers=0.0, parameters=0.0, macs=1 / _ROUGH_MACS_PER_SECOND, values=0.0),
    # Measured with 512 to 100,352 values, batches of 256.
    linear_training=LinearWork(steps=0.001, parameters=0.0, values=1e-8, resized=1e-9, augmented=1e-8),
    linear_evaluation=LinearWork(steps=0.001, parameters=0.0, values=1e-8, resized=1e-9),
    optimizers=Optimizers(momentum=8e-10, adam=2e-9, average=8e-10),
    epoch=0.1,
    start=1.0,
    # 8 s were measured for VGG16 with its checkpoint, 3 s for AlexNet, 1 s for ResNet-18.
    start_parameter=5e-8,
    saved_byte=0.0,
    precisions={"bf16": _CPU_BF16},
    process_bytes=400 * 2**20,
)


def _faster(work: Any) -> Any:
    return type(work)(**{name: seconds / _ROUGH_GPU_SPEEDUP for name, seconds in vars(work).items()})


ROUGH_GPU = replace(
    ROUGH_CPU,
    kind="cuda",
    training=_faster(ROUGH_CPU.training),
    evaluation=_faster(ROUGH_CPU.evaluation),
    linear_training=_faster(ROUGH_CPU.linear_training),
    linear_evaluation=_faster(ROUGH_CPU.linear_evaluation),
    optimizers=_faster(ROUGH_CPU.optimizers),
    precisions={"tf32": 2.0, "fp32": 10.0},  # by the peaks that NVIDIA names for an H100, roughly
)

ROUGH: Mapping[DeviceKind, Speeds] = {"cpu": ROUGH_CPU, "cuda": ROUGH_GPU}


def speeds_of(facts: Mapping[str, Any] | None, kind: DeviceKind) -> Speeds:
    """Return what a calibration says; the constants where there is none, or one of another version."""
    if facts is None or facts.get("version") != CALIBRATION_VERSION:
        return ROUGH[kind]
    return Speeds(
        kind=kind,
        measured=True,
        training=Work(**facts["training"]),
        evaluation=Work(**facts["evaluation"]),
        linear_training=LinearWork(**facts["linear_training"]),
        linear_evaluation=LinearWork(**facts["linear_evaluation"]),
        optimizers=Optimizers(**facts["optimizers"]),
        epoch=facts["epoch"],
        start=facts["start"],
        start_parameter=facts["start_parameter"],
        saved_byte=facts["saved_byte"],
        precisions={**ROUGH[kind].precisions, **facts["precisions"]},
        process_bytes=facts["process_bytes"],
    )
