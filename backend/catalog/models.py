"""The models that can be launched, by torchvision's own names: the image sizes they take, their layers, their cost.

The lists are data (`models.toml`, `nodes.json`), written by the worker's code (`python -m worker.list_models`),
because this package loads no torch; tests in tests/worker keep them true.
"""

import json
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from backend.errors import InvalidSpec, UnknownName

SOFTMAX_REGRESSION = "softmax-regression"

NODES_AT_PIXELS = 224
"""Side of the images that the listed shapes of nodes are of."""


@dataclass(frozen=True)
class Model:
    """A classification model. It takes square images of `min_pixels` or more; of just that where `exact`.

    `output_layer` is the path of the layer that is replaced, `output_before` what stands there in the library:
    "Linear(512, 1000)". `parameters` are with its 1000 outputs. `mega_macs` are the millions of multiply-adds of one
    image of 224 px; of these, `vector_mega_macs` are those of linear layers on one vector of the whole image,
    which does not grow with the image. `layers` are called one after the other in a forward pass.
    Of one image of 224 px, `kept_mega_values` are the millions of values (of 4 bytes) that a forward pass keeps for the
    backward one, and `widest_mega_values` those that the widest layer takes and gives. Softmax regression has none of
    these: it depends on the images.
    """

    name: str
    min_pixels: int
    output_layer: str
    output_before: str
    parameters: int
    mega_macs: float
    vector_mega_macs: float
    layers: int
    kept_mega_values: float
    widest_mega_values: float
    exact: bool = False


@cache
def models() -> dict[str, Model]:
    """Return all models by name."""
    table = tomllib.loads((files("backend.catalog") / "models.toml").read_text("utf-8"))
    return {name: Model(name, **facts) for name, facts in table.items()}


def check_image_size(arch: str, pixels: int) -> None:
    """Refuse an unknown model, or a size of image that the model cannot take.

    Raises:
        UnknownName: there is no such model.
        InvalidSpec: with the size that it needs.
    """
    model = models().get(arch)
    if model is None:
        raise UnknownName("model", arch, models())
    if model.exact and pixels != model.min_pixels:
        raise InvalidSpec(
            f"dataset.image_size is {pixels} pixels; {arch} takes images of {model.min_pixels} pixels only."
        )
    if pixels < model.min_pixels:
        raise InvalidSpec(
            f"dataset.image_size is {pixels} pixels; {arch} needs images of at least {model.min_pixels} pixels."
        )


def nodes(arch: str) -> dict[str, tuple[int, ...]] | None:
    """Return the nodes of a model's graph, each with the shape of what it holds of one image of 224 px.

    In the order of the graph; modules stand in it too, each for its last node. None where a model's nodes are not
    listed: the worker then checks.
    """
    return _all_nodes().get(arch)


@cache
def _all_nodes() -> dict[str, dict[str, tuple[int, ...]]]:
    listed = json.loads((files("backend.catalog") / "nodes.json").read_text("utf-8"))
    return {arch: {node: tuple(shape) for node, shape in shapes.items()} for arch, shapes in listed.items()}


def check_node(arch: str, node: str) -> None:
    """Refuse a node that a listed model does not have.

    Raises:
        UnknownName: naming the near ones.
    """
    known = nodes(arch)
    if known is not None and node not in known:
        raise UnknownName(f"node of {arch}", node, known)
