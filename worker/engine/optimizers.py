"""The optimizers, by the names of `backend.spec.OptimizerSpec`."""

from collections.abc import Iterable

import torch
from torch.nn import Parameter

from backend.spec import OptimizerSpec


def build_optimizer(
    spec: OptimizerSpec, parameters: Iterable[Parameter], device: torch.device
) -> torch.optim.SGD:
    """Return the optimizer that `spec` asks for."""
    assert spec.name == "sgd", spec.name
    on_gpu = device.type == "cuda"
    return torch.optim.SGD(
        parameters,
        lr=spec.lr,
        momentum=spec.momentum,
        weight_decay=spec.weight_decay,
        # One kernel for all parameters pays where launches cost; on a CPU the plain loop is as fast.
        fused=on_gpu,
        foreach=False,
    )
