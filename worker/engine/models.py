"""The networks: softmax regression, or any classification model of torchvision with a new output layer."""

from dataclasses import dataclass

import torch
from torch import nn
from torchvision.models import get_model

from backend.catalog.models import SOFTMAX_REGRESSION
from backend.errors import InvalidSpec
from backend.spec import ModelSpec, Spec
from worker.engine.weights import StartingWeights, copy_into, fitted, load_state

# Both train with helper outputs by default, a tuple instead of logits; init_weights=True is today's
# default, named because torchvision warns that it will change. transform_input scales normalised images
# to what their ImageNet weights were trained on; it is no part of a state dict, so it must not depend
# on the start: a child would see other images than its parent did.
_OPTIONS = {
    name: {"aux_logits": False, "init_weights": True, "transform_input": True}
    for name in ("googlenet", "inception_v3")
}


@dataclass(frozen=True)
class Change:
    """A layer of the library's network that was replaced, by its module path."""

    path: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}: {self.before} -> {self.after}"


def build_model(
    spec: ModelSpec,
    *,
    classes: int,
    channels: int,
    pixels: int,
    seed: int,
    weights: StartingWeights | None = None,
) -> tuple[nn.Module, list[Change]]:
    """Return the network at its start, and what was changed in the library's.

    What is random in it depends on `seed` alone; with weights that is a new output layer, or nothing. Parameters
    that are not to be trained are frozen (see `training_mode`).
    Only softmax regression takes note of `channels` and `pixels`; all others take 3 channels.

    Raises:
        DataProblem: the weights are broken, or of another network.
        InvalidSpec: their output layer cannot be used as the spec says.
    """
    torch.manual_seed(seed)
    if spec.arch == SOFTMAX_REGRESSION:
        network: nn.Module = nn.Sequential(nn.Flatten(), nn.Linear(channels * pixels * pixels, classes))
        changes: list[Change] = []
    else:
        network = _of_the_library(spec.arch)
        changes = [replace_output_layer(network, classes)]
    if spec.init == "xavier_uniform":
        network.apply(_xavier_uniform)
    if weights:
        _start_from(weights, network, spec, classes)
    if spec.trained == "head":
        network.requires_grad_(False)
        output_layer(network)[1].requires_grad_(True)
    return network, changes


def build_frozen(arch: str, weights: StartingWeights | None, seed: int) -> nn.Module:
    """Return a network that nothing trains, in eval mode, with as many output units as its weights have.

    Without weights it has the random start that `seed` gives, and the library's 1000 units.

    Raises:
        DataProblem: the weights are broken, or of another network.
    """
    if arch == SOFTMAX_REGRESSION:
        raise InvalidSpec(f"features.arch is '{arch}'; it must be a model of torchvision.")
    torch.manual_seed(seed)
    network = _of_the_library(arch)
    if weights:
        path, _ = output_layer(network)
        state = fitted(load_state(weights), network, path, arch=arch, about=weights.about)
        replace_output_layer(network, len(state[f"{path}.weight"]))
        copy_into(network, state)
    return network.eval().requires_grad_(False)


def training_mode(network: nn.Module, spec: ModelSpec) -> None:
    """Set the network to train, but for batch norm that is frozen: its running statistics must not move either."""
    network.train()
    if spec.trained == "head":
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.eval()


def _of_the_library(arch: str) -> nn.Module:
    return get_model(arch, weights=None, **_OPTIONS.get(arch, {}))


def _start_from(weights: StartingWeights, network: nn.Module, spec: ModelSpec, classes: int) -> None:
    path, _ = output_layer(network)
    state = fitted(load_state(weights), network, path, arch=spec.arch, about=weights.about)
    if spec.output_layer == "new":
        state = {key: value for key, value in state.items() if not key.startswith(f"{path}.")}
        if not state:
            raise InvalidSpec(
                f"model.output_layer is 'new'; {spec.arch} is nothing but its output layer, so that none of the "
                "weights would be used: it must be 'kept'."
            )
    elif (units := len(state[f"{path}.weight"])) != classes:
        raise InvalidSpec(
            f"model.output_layer is 'kept', and these weights ({weights.about}) have {units} output units where "
            f"the data set has {classes} classes: it must be 'new'."
        )
    copy_into(network, state)


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


def trained_parameter_count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def has_convolutions(network: nn.Module) -> bool:
    return any(isinstance(module, nn.Conv2d) for module in network.modules())


def has_batch_norm(network: nn.Module) -> bool:
    return any(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) for module in network.modules())


def _xavier_uniform(module: nn.Module) -> None:
    """Source: `init_weights` of train_ch6 in d2l.ai, section 7.6: the weights alone, not the biases."""
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
