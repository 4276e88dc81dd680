"""Print the catalog's list of models as TOML: `python -m worker.list_models > backend/catalog/models.toml`.

The size of image that each takes is found by trying it, in training mode with two images, on tensors
that have shapes and no memory. Takes some minutes: each size near the smallest is tried.
"""

import sys
from collections.abc import Callable
from typing import Any

import torch
import torchvision.models
from torch import nn
from torch.overrides import TorchFunctionMode

from backend.catalog.models import SOFTMAX_REGRESSION, Model
from backend.spec import ModelSpec
from worker.engine.models import build_model

LARGEST_PIXELS = 224
"""The size that all were made for; what fails at a larger one is listed as taking this one only."""

_MORE_PIXELS = (225, 240, 256)
_CHECKED_ABOVE = 40
"""Sizes above the one found that are each tried: strides of 32 repeat their pattern within them."""


class _ParametersOnMeta(TorchFunctionMode):
    """Make parameters without memory. `torch.device("meta")` would take regnet's own arithmetic along."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if function in (torch.empty, torch.zeros, torch.ones):
            kwargs["device"] = "meta"
        return function(*args, **kwargs)


def architectures() -> list[str]:
    """Return the names of torchvision's classification models."""
    return torchvision.models.list_models(module=torchvision.models)


def network_without_memory(arch: str, classes: int = 10) -> nn.Module:
    """Return the network as the engine builds it, on the meta device."""
    with _ParametersOnMeta():
        network, _ = build_model(
            ModelSpec(arch=arch, init="default"), classes=classes, channels=3, pixels=32, seed=0
        )
    return network.to("meta").train()


def takes(network: nn.Module, pixels: int) -> bool:
    """Say whether two square images of this size go through the network."""
    try:
        network(torch.empty(2, 3, pixels, pixels, device="meta"))
    except (RuntimeError, ValueError, AssertionError):
        return False
    return True


def measured(arch: str) -> Model:
    """Return the smallest size from which on all sizes go through, or the only one."""
    network = network_without_memory(arch)
    assert takes(network, LARGEST_PIXELS), arch
    if not all(takes(network, pixels) for pixels in _MORE_PIXELS):
        return Model(arch, LARGEST_PIXELS, exact=True)
    below, smallest = 0, LARGEST_PIXELS
    while smallest - below > 1:
        middle = (below + smallest) // 2
        if takes(network, middle):
            smallest = middle
        else:
            below = middle
    for pixels in range(min(smallest + _CHECKED_ABOVE, LARGEST_PIXELS), smallest, -1):
        if not takes(network, pixels):
            return Model(arch, pixels + 1)
    return Model(arch, smallest)


def as_toml(model: Model) -> str:
    exact = "exact = true\n" if model.exact else ""
    return f"[{model.name}]\nmin_pixels = {model.min_pixels}\n{exact}"


def main() -> None:
    """Print the list."""
    listed = [Model(SOFTMAX_REGRESSION, 1), *map(measured, architectures())]
    sys.stdout.write("# Written by `python -m worker.list_models`; a test keeps it true.\n\n")
    sys.stdout.write("\n".join(map(as_toml, listed)))


if __name__ == "__main__":
    main()
