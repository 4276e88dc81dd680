import pytest
import torch
from torch import nn

from backend.catalog.models import SOFTMAX_REGRESSION, models
from backend.spec import ModelSpec
from worker.engine.models import build_model, output_layer, replace_output_layer
from worker.list_models import architectures, as_toml, network_without_memory, takes

MEASURED = ["alexnet", "resnet18", "vgg16", "squeezenet1_1", "mobilenet_v3_small", "vit_b_16"]


def build(arch: str, **changes: object) -> nn.Module:
    network, _ = build_model(ModelSpec(arch=arch, **changes), classes=10, channels=3, pixels=8, seed=5)
    return network


def test_the_catalog_lists_torchvisions_models_and_softmax_regression() -> None:
    assert set(models()) == {SOFTMAX_REGRESSION, *architectures()}


@pytest.mark.parametrize("arch", MEASURED)
def test_a_model_takes_the_size_that_the_catalog_says_and_none_below(arch: str) -> None:
    network, listed = network_without_memory(arch), models()[arch]
    assert takes(network, listed.min_pixels)
    assert not takes(network, listed.min_pixels - 1) or listed.min_pixels == 1
    assert takes(network, listed.min_pixels + 1) is not listed.exact


@pytest.mark.parametrize("arch", architectures())
def test_the_output_layer_of_every_architecture_is_replaced(arch: str) -> None:
    network = network_without_memory(arch, classes=7)
    wide = [
        path
        for path, module in network.named_modules()
        if isinstance(module, nn.Linear) and module.out_features == 1000
    ]
    assert output_layer(network)[1].weight.shape[0] == 7
    assert wide == []


@pytest.mark.parametrize(
    "arch", ["googlenet", "squeezenet1_1", "vit_b_16", "convnext_tiny", "maxvit_t", "densenet121"]
)
def test_a_replaced_network_returns_plain_logits_for_its_classes(arch: str) -> None:
    network = network_without_memory(arch, classes=7)
    assert network(torch.empty(2, 3, 224, 224, device="meta")).shape == (2, 7)


def test_what_was_changed_is_reported_with_path_before_and_after() -> None:
    network = nn.Sequential(nn.Linear(4, 8), nn.Sequential(nn.ReLU(), nn.Linear(8, 1000)))
    assert str(replace_output_layer(network, 10)) == "1.1: Linear(8, 1000) -> Linear(8, 10)"


def test_the_random_start_depends_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = build("squeezenet1_1")
    torch.manual_seed(2)
    second = build("squeezenet1_1")
    assert all(
        torch.equal(one, other) for one, other in zip(first.parameters(), second.parameters(), strict=True)
    )


def test_xavier_uniform_bounds_the_weights_and_leaves_the_biases() -> None:
    plain, xavier = build(SOFTMAX_REGRESSION), build(SOFTMAX_REGRESSION, init="xavier_uniform")
    bound = (6 / (3 * 8 * 8 + 10)) ** 0.5
    assert 0.9 * bound < xavier[1].weight.abs().max() <= bound
    assert torch.equal(plain[1].bias, xavier[1].bias)


def test_the_list_is_written_in_the_form_that_the_catalog_reads() -> None:
    assert as_toml(models()["alexnet"]) == "[alexnet]\nmin_pixels = 63\n"
    assert as_toml(models()["vit_b_16"]) == "[vit_b_16]\nmin_pixels = 224\nexact = true\n"
