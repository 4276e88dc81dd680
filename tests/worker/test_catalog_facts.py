"""What the catalog says about models, held against the library and its own published numbers."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models import WeightsEnum, get_model_weights
from torchvision.models.feature_extraction import create_feature_extractor

from backend.catalog.models import SOFTMAX_REGRESSION, check_node, models, nodes
from backend.errors import UnknownName
from backend.spec import FeaturesSpec
from worker.engine.without_memory import network_without_memory
from worker.list_models import (
    CATALOG,
    WITH_NODES,
    architectures,
    as_json,
    as_toml,
    facts,
    kept_values,
    known_sizes,
    layers_and_widest,
    multiply_adds,
    nodes_of,
)


def published_at_224() -> list[WeightsEnum]:
    """Return torchvision's weights that were made for images of 224 px: it counts parameters and operations itself."""
    weights = [one for arch in architectures() for one in get_model_weights(arch)]
    return [one for one in weights if one.transforms.keywords["crop_size"] == 224]


@pytest.mark.parametrize("weights", published_at_224(), ids=str)
def test_parameters_and_multiply_adds_are_those_that_the_library_publishes(weights: WeightsEnum) -> None:
    listed = models()[type(weights).__name__.removesuffix("_Weights").lower()]
    assert listed.parameters == weights.meta["num_params"]
    assert listed.mega_macs == pytest.approx(weights.meta["_ops"] * 1000, abs=1)


def test_most_architectures_were_compared_with_what_the_library_publishes() -> None:
    assert len({type(weights) for weights in published_at_224()}) > 0.75 * len(architectures())


@pytest.mark.parametrize(
    "arch", ["alexnet", "resnet18", "vgg16", "squeezenet1_1", "googlenet", "vit_b_16", "inception_v3"]
)
def test_the_facts_of_a_model_are_found_again(arch: str) -> None:
    listed = models()[arch]
    assert facts(arch, listed.min_pixels, listed.exact) == listed


def test_the_published_networks_lose_the_layers_that_the_report_names() -> None:
    replaced = {arch: (models()[arch].output_layer, models()[arch].output_before) for arch in WITH_NODES}
    assert replaced["alexnet"] == ("classifier.6", "Linear(4096, 1000)")
    assert replaced["resnet18"] == ("fc", "Linear(512, 1000)")
    assert replaced["vgg16"] == ("classifier.6", "Linear(4096, 1000)")


@pytest.mark.parametrize("arch", architectures())
def test_every_model_of_the_library_has_all_facts(arch: str) -> None:
    listed = models()[arch]
    assert listed.output_layer
    assert listed.output_before.endswith(", 1000)")
    assert listed.parameters > 0
    assert 0 <= listed.vector_mega_macs < listed.mega_macs


def test_softmax_regression_has_none_of_these_facts_since_it_depends_on_the_images() -> None:
    listed = models()[SOFTMAX_REGRESSION]
    assert (listed.output_layer, listed.parameters, listed.mega_macs) == ("", 0, 0.0)


def test_multiply_adds_are_those_counted_by_hand() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, kernel_size=3, padding=1), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 10)
    ).to("meta")
    assert multiply_adds(network, 8) == (8 * 8 * 4 * 3 * 9 + 16 * 10, 16 * 10)
    assert multiply_adds(network, 16) == (4 * 8 * 8 * 4 * 3 * 9 + 16 * 10, 16 * 10)


def test_a_linear_layer_on_each_place_of_an_image_is_not_one_on_a_vector() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, kernel_size=1), nn.Flatten(2), nn.Linear(64, 5)).to("meta")
    assert multiply_adds(network, 8)[1] == 0


def test_the_lists_are_written_in_the_form_that_the_catalog_reads() -> None:
    listed = (CATALOG / "models.toml").read_text("utf-8")
    assert all(as_toml(model) in listed for model in models().values())
    stored = (CATALOG / "nodes.json").read_text("utf-8")
    assert stored == as_json({arch: _as_lists(nodes(arch)) for arch in WITH_NODES})


def test_the_sizes_that_a_list_names_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    assert known_sizes(path) == {}
    path.write_text("[alexnet]\nmin_pixels = 63\n[vit_b_16]\nmin_pixels = 224\nexact = true\n")
    assert known_sizes(path) == {"alexnet": (63, False), "vit_b_16": (224, True)}


@pytest.mark.parametrize(
    "arch", ["alexnet", "resnet18", "vgg16_bn", "squeezenet1_1", "mobilenet_v2", "shufflenet_v2_x1_0"]
)
def test_the_nodes_of_a_model_are_found_again_in_their_order(arch: str) -> None:
    assert list(nodes_of(arch).items()) == list(_as_lists(nodes(arch)).items())


@pytest.mark.parametrize(
    ("arch", "node", "shape"),
    [
        ("alexnet", "features", (256, 6, 6)),
        ("resnet18", "layer2", (128, 28, 28)),
        ("resnet18", "layer4", (512, 7, 7)),
        ("resnet18", "avgpool", (512, 1, 1)),
        ("resnet18", "flatten", (512,)),
        ("vgg16", "features", (512, 7, 7)),
        ("densenet121", "features.denseblock4", (1024, 7, 7)),
    ],
)
def test_known_nodes_have_the_shapes_of_the_publications(
    arch: str, node: str, shape: tuple[int, ...]
) -> None:
    listed = nodes(arch)
    assert listed and listed[node] == shape


@pytest.mark.parametrize("name", ["x", "layer1", "layer2.0", "layer2.0.downsample", "layer4.1.relu_1", "fc"])
def test_a_listed_name_is_accepted_by_the_library_and_holds_that_shape(name: str) -> None:
    network = network_without_memory("resnet18", 1000).eval()
    extractor = create_feature_extractor(network, {name: "out"}, suppress_diff_warning=True)
    held = extractor.eval()(torch.empty(2, 3, 224, 224, device="meta"))["out"]
    listed = nodes("resnet18")
    assert listed and listed[name] == tuple(held.shape[1:])


@pytest.mark.parametrize("arch", WITH_NODES)
def test_every_listed_node_can_be_named_in_a_spec(arch: str) -> None:
    listed = nodes(arch)
    assert listed and all(FeaturesSpec(arch=arch, node=node).node == node for node in listed)
    assert all(shape and min(shape) > 0 for shape in listed.values())
    assert list(listed)[-1] == re.split(r"\.", models()[arch].output_layer)[0] or arch == "squeezenet1_1"


def test_nodes_that_hold_nothing_of_each_image_are_left_out() -> None:
    listed = nodes("shufflenet_v2_x1_0")
    assert listed and "stage2.0.cat" in listed and "stage2.0.size" not in listed


def test_a_node_that_is_not_there_is_refused_with_near_ones_and_unlisted_models_are_not_checked() -> None:
    with pytest.raises(
        UnknownName, match=r"There is no node of resnet18 'layer5'\. Did you mean layer\d or layer\d"
    ):
        check_node("resnet18", "layer5")
    check_node("resnet18", "layer4")
    assert nodes("vit_b_16") is None
    check_node("vit_b_16", "anything")


def _as_lists(shapes: dict[str, tuple[int, ...]] | None) -> dict[str, list[int]]:
    assert shapes is not None
    return {node: list(shape) for node, shape in shapes.items()}


def test_what_a_forward_pass_keeps_and_its_widest_layer_are_those_counted_by_hand() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, kernel_size=3, padding=1), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(256, 10)
    ).to("meta")
    # The image, and what ReLU leaves, which the linear layer takes as well.
    assert kept_values(network, 8) == 3 * 64 + 4 * 64
    assert layers_and_widest(network, 8) == (4, 3 * 64 + 4 * 64)
