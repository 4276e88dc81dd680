"""Write the catalog's facts about the models: `python -m worker.list_models [--sizes]`, from a checkout.

Everything is found on tensors that have shapes and no memory. The sizes of image that are known already are
kept; with --sizes they are found again by trying, in training mode with two images, which takes some minutes.
Both files are read by `backend.catalog.models`.
"""

import argparse
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import torch
import torchvision.models
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

import backend.catalog
from backend.catalog.models import NODES_AT_PIXELS, SOFTMAX_REGRESSION, Model
from worker.engine.models import parameter_count
from worker.engine.without_memory import built_without_memory, network_without_memory

CATALOG = Path(backend.catalog.__file__).parent
LARGEST_PIXELS = 224
"""The size that all were made for; what fails at a larger one is listed as taking this one only."""

LIBRARY_CLASSES = 1000
"""ImageNet's: as many output units as the library's networks have before their output layer is replaced."""

_MORE_PIXELS = (225, 240, 256)
_CHECKED_ABOVE = 40
"""Sizes above the one found that are each tried: strides of 32 repeat their pattern within them."""

WITH_NODES = (
    "alexnet",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "wide_resnet50_2",
    "densenet121",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "efficientnet_b0",
    "convnext_tiny",
    "squeezenet1_1",
    "googlenet",
    "shufflenet_v2_x1_0",
    "regnet_y_400mf",
)
"""The models whose nodes are listed: those that people take features from. For any other the worker checks."""

_SEVERAL = 3
"""Images in a batch that is to tell what a node holds of each image from what it holds of all."""


def architectures() -> list[str]:
    """Return the names of torchvision's classification models."""
    return torchvision.models.list_models(module=torchvision.models)


def takes(network: nn.Module, pixels: int) -> bool:
    """Say whether two square images of this size go through the network."""
    try:
        network(_images(2, pixels))
    except (RuntimeError, ValueError, AssertionError):
        return False
    return True


def measured_size(arch: str) -> tuple[int, bool]:
    """Return the smallest size from which on all sizes go through and False, or the only one and True."""
    network = network_without_memory(arch)
    assert takes(network, LARGEST_PIXELS), arch
    if not all(takes(network, pixels) for pixels in _MORE_PIXELS):
        return LARGEST_PIXELS, True
    below, smallest = 0, LARGEST_PIXELS
    while smallest - below > 1:
        middle = (below + smallest) // 2
        if takes(network, middle):
            smallest = middle
        else:
            below = middle
    for pixels in range(min(smallest + _CHECKED_ABOVE, LARGEST_PIXELS), smallest, -1):
        if not takes(network, pixels):
            return pixels + 1, False
    return smallest, False


def softmax_regression() -> Model:
    """Return what holds of it whatever the images are: nothing but that it takes all."""
    return Model(
        SOFTMAX_REGRESSION,
        min_pixels=1,
        output_layer="",
        output_before="",
        parameters=0,
        mega_macs=0.0,
        vector_mega_macs=0.0,
        layers=2,  # it is made flat first
        kept_mega_values=0.0,
        widest_mega_values=0.0,
    )


def facts(arch: str, min_pixels: int, exact: bool) -> Model:
    """Return what the catalog says about a model of the library."""
    network, change = built_without_memory(arch, LIBRARY_CLASSES)
    macs, macs_of_vectors = multiply_adds(network, LARGEST_PIXELS)
    layers, widest = layers_and_widest(network, LARGEST_PIXELS)
    return Model(
        name=arch,
        min_pixels=min_pixels,
        output_layer=change.path,
        output_before=change.before,
        parameters=parameter_count(network),
        mega_macs=round(macs / 1e6, 1),
        vector_mega_macs=round(macs_of_vectors / 1e6, 1),
        layers=layers,
        kept_mega_values=round(kept_values(network, LARGEST_PIXELS) / 1e6, 3),
        widest_mega_values=round(widest / 1e6, 3),
        exact=exact,
    )


def multiply_adds(network: nn.Module, pixels: int) -> tuple[int, int]:
    """Return those of one image: all, and those of linear layers that take one vector of the whole image."""
    of_vectors: list[int] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], _: Tensor) -> None:
        assert isinstance(layer, nn.Linear)
        if inputs[0].ndim == 2:
            of_vectors.append(layer.in_features * layer.out_features)

    hooks = [layer.register_forward_hook(note) for layer in network.modules() if isinstance(layer, nn.Linear)]
    with FlopCounterMode(display=False) as counter:
        network.eval()(_images(1, pixels))
    for hook in hooks:
        hook.remove()
    return counter.get_total_flops() // 2, sum(
        of_vectors
    )  # it counts a multiplication and an addition as two


def kept_values(network: nn.Module, pixels: int) -> float:
    """Return how many values of 4 bytes a forward pass in training keeps of one image for the backward pass.

    What two layers keep in the same place counts once, and the parameters, which they keep too, not at all.
    """
    own = {parameter.untyped_storage()._cdata for parameter in network.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(values: Tensor) -> Tensor:
        place = values.untyped_storage()._cdata
        if place not in own and values.ndim > 1:  # else statistics of the batch as a whole
            kept[place] = values
        return values

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda values: values):
        output = network.train()(_images(2, pixels))
    assert isinstance(output, Tensor)
    return sum(values.untyped_storage().nbytes() for values in kept.values()) / 4 / 2


def layers_and_widest(network: nn.Module, pixels: int) -> tuple[int, float]:
    """Return how many layers a forward pass calls, and the values of one image that the widest takes and gives."""
    sizes: list[int] = []

    def note(_: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        held = {
            one.untyped_storage()._cdata: one.numel() for one in (*inputs, output) if isinstance(one, Tensor)
        }
        sizes.append(sum(held.values()))

    innermost = [module for module in network.modules() if not list(module.children())]
    hooks = [layer.register_forward_hook(note) for layer in innermost]
    network.eval()(_images(2, pixels))
    for hook in hooks:
        hook.remove()
    return len(sizes), max(sizes) / 2


def nodes_of(arch: str) -> dict[str, list[int]]:
    """Return the nodes that hold values of each image, in their order, with their shapes at 224 px.

    A module's name stands for the last node in it, as `create_feature_extractor` has it; it comes after that one.
    """
    network = network_without_memory(arch, LIBRARY_CLASSES).eval()
    _, names = get_graph_node_names(network, suppress_diff_warning=True)
    extractor = create_feature_extractor(network, eval_return_nodes=names, train_return_nodes=names[:1])
    values = extractor.eval()(_images(_SEVERAL, NODES_AT_PIXELS))
    last_node = {name: node for node in names for name in _node_and_modules(node)}
    return {
        name: list(values[node].shape[1:])
        for node in names
        for name in _node_and_modules(node)
        if last_node[name] == node and _holds_values_of_each(values[node])
    }


def _node_and_modules(node: str) -> Iterator[str]:
    """Yield a node's name and those of the modules that hold it, the innermost first."""
    parts = node.split(".")
    return (".".join(parts[:length]) for length in range(len(parts), 0, -1))


def _holds_values_of_each(values: object) -> bool:
    return (
        isinstance(values, Tensor)
        and values.ndim > 1
        and len(values) == _SEVERAL
        and values.is_floating_point()
    )


def _images(count: int, pixels: int) -> Tensor:
    return torch.empty(count, 3, pixels, pixels, device="meta")


def as_toml(model: Model) -> str:
    """Return a model as a table of `models.toml`."""
    lines = [f"[{model.name}]", f"min_pixels = {model.min_pixels}"]
    if model.exact:
        lines.append("exact = true")
    lines += [
        f"output_layer = {json.dumps(model.output_layer)}",
        f"output_before = {json.dumps(model.output_before)}",
        f"parameters = {model.parameters}",
        f"mega_macs = {model.mega_macs}",
        f"vector_mega_macs = {model.vector_mega_macs}",
        f"layers = {model.layers}",
        f"kept_mega_values = {model.kept_mega_values}",
        f"widest_mega_values = {model.widest_mega_values}",
    ]
    return "\n".join(lines) + "\n"


def as_json(nodes: dict[str, dict[str, list[int]]]) -> str:
    """Return `nodes.json`: one line an architecture."""
    lines = [
        f"{json.dumps(arch)}: {json.dumps(shapes, separators=(',', ':'))}" for arch, shapes in nodes.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def known_sizes(path: Path) -> dict[str, tuple[int, bool]]:
    """Return what a file says about sizes, read here because one of an older form is no list of models."""
    table = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    return {arch: (listed["min_pixels"], listed.get("exact", False)) for arch, listed in table.items()}


def write(folder: Path, *, sizes_again: bool) -> None:
    """Write both files into a folder; sizes that its list names already are kept."""
    path = folder / "models.toml"
    known = {} if sizes_again else known_sizes(path)
    listed = [softmax_regression()]
    for arch in architectures():
        listed.append(facts(arch, *(known.get(arch) or measured_size(arch))))
    head = "# Written by `python -m worker.list_models`; a test keeps it true.\n\n"
    path.write_text(head + "\n".join(map(as_toml, listed)), "utf-8")
    (folder / "nodes.json").write_text(as_json({arch: nodes_of(arch) for arch in WITH_NODES}), "utf-8")


def main() -> None:
    """Write the catalog's own files."""
    parser = argparse.ArgumentParser(prog="python -m worker.list_models", description=__doc__)
    parser.add_argument("--sizes", action="store_true", help="find the sizes of image again")
    write(CATALOG, sizes_again=parser.parse_args().sizes)


if __name__ == "__main__":
    main()
