"""The optimizers, by the names of `backend.spec.OptimizerSpec`."""

from collections.abc import Iterable

import torch
from torch.nn import Parameter
from torch.optim import SGD, Adam, AdamW, Optimizer

from backend.spec import OptimizerSpec


def build_optimizer(spec: OptimizerSpec, parameters: Iterable[Parameter], device: torch.device) -> Optimizer:
    """Return the optimizer that `spec` asks for."""
    # One kernel for all parameters pays where launches cost; on a CPU the plain loop is as fast for SGD, and
    # the fused Adam saves several passes over the memory.
    on_gpu = device.type == "cuda"
    if spec.name == "sgd":
        return SGD(
            parameters,
            lr=spec.lr,
            momentum=spec.momentum,
            nesterov=spec.nesterov,
            weight_decay=spec.weight_decay,
            fused=on_gpu,
            foreach=False,
        )
    kind = {"adam": Adam, "adamw": AdamW}[spec.name]
    return kind(
        parameters,
        lr=spec.lr,
        betas=(spec.beta1, spec.beta2),
        weight_decay=spec.weight_decay,
        fused=True,
    )


def set_learning_rate(optimizer: Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr
