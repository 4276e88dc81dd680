"""The networks: softmax regression, or any classification model of torchvision with a new output layer."""

from dataclasses import dataclass

import torch
from torch import nn
from torchvision.models import get_model

from backend.catalog.models import SOFTMAX_REGRESSION
from backend.spec import ModelSpec, Spec

# Both train with helper outputs by default, a tuple instead of logits; init_weights=True is today's
# default, named because torchvision warns that it will change.
_OPTIONS = {name: {"aux_logits": False, "init_weights": True} for name in ("googlenet", "inception_v3")}


@dataclass(frozen=True)
class Change:
    """A layer of the library's network that was replaced, by its module path."""

    path: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}: {self.before} -> {self.after}"


def build_model(
    spec: ModelSpec, *, classes: int, channels: int, pixels: int, seed: int
) -> tuple[nn.Module, list[Change]]:
    """Return the network at its random start, which depends on `seed` alone, and what was changed in it.

    Only softmax regression takes note of `channels` and `pixels`; all others take 3 channels.
    """
    torch.manual_seed(seed)
    if spec.arch == SOFTMAX_REGRESSION:
        network: nn.Module = nn.Sequential(nn.Flatten(), nn.Linear(channels * pixels * pixels, classes))
        changes: list[Change] = []
    else:
        network = get_model(spec.arch, weights=None, **_OPTIONS.get(spec.arch, {}))
        changes = [replace_output_layer(network, classes)]
    if spec.init == "xavier_uniform":
        network.apply(_xavier_uniform)
    return network, changes


def input_channels(spec: Spec, dataset_channels: int) -> int:
    """Return how many channels the network is given: torchvision's models take grey images as three equal ones.

    So does ImageNet's normalisation, which has three means.
    """
    as_stored = spec.model.arch == SOFTMAX_REGRESSION and spec.dataset.normalize != "imagenet"
    return dataset_channels if as_stored else 3


def replace_output_layer(network: nn.Module, classes: int) -> Change:
    """Replace the last linear or convolutional layer by one of `classes` units."""
    path, before = output_layer(network)
    bias = before.bias is not None
    if isinstance(before, nn.Linear):
        after: nn.Module = nn.Linear(before.in_features, classes, bias=bias)
    else:
        assert before.kernel_size == (1, 1), before  # squeezenet's
        after = nn.Conv2d(before.in_channels, classes, kernel_size=1, bias=bias)
    network.set_submodule(path, after)
    return Change(path, short(before), short(after))


def output_layer(network: nn.Module) -> tuple[str, nn.Linear | nn.Conv2d]:
    """Return path and module of the last linear or convolutional layer.

    Torchvision registers its modules in the order of their use, with the classifier at the end;
    a test holds this for every architecture.
    """
    layers = [
        (path, module)
        for path, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    ]
    return layers[-1]


def short(layer: nn.Module) -> str:
    """Return a layer in a few words: "Linear(4096, 10)"."""
    if isinstance(layer, nn.Linear):
        return f"Linear({layer.in_features}, {layer.out_features})"
    assert isinstance(layer, nn.Conv2d)
    return f"Conv2d({layer.in_channels}, {layer.out_channels})"


def parameter_count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def has_convolutions(network: nn.Module) -> bool:
    return any(isinstance(module, nn.Conv2d) for module in network.modules())


def has_batch_norm(network: nn.Module) -> bool:
    return any(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) for module in network.modules())


def _xavier_uniform(module: nn.Module) -> None:
    """Source: `init_weights` of train_ch6 in d2l.ai, section 7.6: the weights alone, not the biases."""
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
