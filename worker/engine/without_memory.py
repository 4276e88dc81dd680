"""Networks that have shapes and no memory, to learn what they are made of without making them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from backend.spec import ModelSpec
from worker.engine.models import Change, build_model


class _ParametersOnMeta(TorchFunctionMode):
    """Make parameters without memory. `torch.device("meta")` would take regnet's own arithmetic along."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if function in (torch.empty, torch.zeros, torch.ones):
            kwargs["device"] = "meta"
        return function(*args, **kwargs)


def network_without_memory(arch: str, classes: int = 10) -> nn.Module:
    """Return the network as the engine builds it, on the meta device."""
    return built_without_memory(arch, classes)[0]


def built_without_memory(arch: str, classes: int) -> tuple[nn.Module, Change]:
    """Return the same, and how its output layer was replaced."""
    with _ParametersOnMeta():
        network, (change,) = build_model(
            ModelSpec(arch=arch, init="default"), classes=classes, channels=3, pixels=32, seed=0
        )
    return network.to("meta").train(), change
