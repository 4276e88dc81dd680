from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import get_model

from backend.catalog.models import SOFTMAX_REGRESSION, models
from backend.errors import DataProblem, InvalidSpec
from backend.spec import ModelSpec
from worker.engine.models import (
    build_frozen,
    build_model,
    output_layer,
    parameter_count,
    replace_output_layer,
    trained_parameter_count,
    training_mode,
)
from worker.engine.weights import StartingWeights, fitted, load_state, sha256_after
from worker.engine.without_memory import network_without_memory
from worker.list_models import architectures, takes

pytestmark = pytest.mark.thorough

MEASURED = ["alexnet", "resnet18", "vgg16", "squeezenet1_1", "mobilenet_v3_small", "vit_b_16"]


SMALL = "shufflenet_v2_x0_5"
"""Has batch norm, and 1.4 million parameters only."""


def build(
    arch: str, weights: StartingWeights | None = None, classes: int = 10, **changes: object
) -> nn.Module:
    spec = ModelSpec(arch=arch, **changes)
    network, _ = build_model(spec, classes=classes, channels=3, pixels=8, seed=5, weights=weights)
    return network


def saved(folder: Path, state: dict[str, Tensor]) -> StartingWeights:
    path = folder / "weights.safetensors"
    save_file({name: value.contiguous() for name, value in state.items()}, path)
    return StartingWeights(path, sha256_after(path)[0], "file", "the file 'mine'")


def state_of(arch: str, classes: int = 1000, seed: int = 1) -> dict[str, Tensor]:
    """Return a state dict as people have them: of the library's network with its helper outputs, all values random."""
    torch.manual_seed(seed)
    options = {"init_weights": False} if arch in ("googlenet", "inception_v3") else {}
    network = get_model(arch, weights=None, num_classes=classes, **options)
    return {
        name: torch.rand_like(value) if value.is_floating_point() else value + 3
        for name, value in network.state_dict().items()
    }


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


def test_weights_are_loaded_but_for_a_new_output_layer_that_begins_as_without_them(tmp_path: Path) -> None:
    state = state_of(SMALL)
    plain, loaded = build(SMALL), build(SMALL, saved(tmp_path, state))
    for name, value in loaded.state_dict().items():
        expected = plain.state_dict()[name] if name.startswith("fc.") else state[name]
        assert torch.equal(value, expected), name


def test_a_new_output_layer_depends_on_the_seed_and_not_on_the_weights(tmp_path: Path) -> None:
    one = build(SMALL, saved(tmp_path, state_of(SMALL, seed=1))).fc.weight
    other = build(SMALL, saved(tmp_path, state_of(SMALL, seed=2))).fc.weight
    spec = ModelSpec(arch=SMALL)
    weights = saved(tmp_path, state_of(SMALL))
    third, _ = build_model(spec, classes=10, channels=3, pixels=8, seed=6, weights=weights)
    assert torch.equal(one, other)
    assert not torch.equal(one, third.fc.weight)


def test_a_kept_output_layer_is_loaded_too(tmp_path: Path) -> None:
    state = state_of(SMALL, classes=10)
    network = build(SMALL, saved(tmp_path, state), output_layer="kept")
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_a_kept_output_layer_must_have_a_unit_for_each_class(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="have 1000 output units where the data set has 10 classes"):
        build(SMALL, saved(tmp_path, state_of(SMALL)), output_layer="kept")


def test_softmax_regression_goes_on_from_another_and_only_with_its_output_layer(tmp_path: Path) -> None:
    first = build(SOFTMAX_REGRESSION)
    weights = saved(tmp_path, {name: value + 1 for name, value in first.state_dict().items()})
    assert torch.equal(build(SOFTMAX_REGRESSION, weights, output_layer="kept")[1].weight, first[1].weight + 1)
    with pytest.raises(InvalidSpec, match="it must be 'kept'"):
        build(SOFTMAX_REGRESSION, weights)


def test_with_the_head_alone_trained_nothing_else_moves(tmp_path: Path) -> None:
    spec = ModelSpec(arch=SMALL, trained="head")
    network, _ = build_model(
        spec, classes=10, channels=3, pixels=8, seed=5, weights=saved(tmp_path, state_of(SMALL))
    )
    before = {name: value.clone() for name, value in network.state_dict().items()}
    training_mode(network, spec)
    optimizer = torch.optim.SGD(network.parameters(), lr=1)
    network(torch.rand(4, 3, 64, 64)).square().sum().backward()
    optimizer.step()
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"fc.weight", "fc.bias"}
    assert trained_parameter_count(network) == 1024 * 10 + 10
    assert parameter_count(network) > trained_parameter_count(network)


def test_with_all_layers_trained_every_module_is_in_training_mode() -> None:
    spec = ModelSpec(arch=SMALL)
    network = build(SMALL).eval()
    training_mode(network, spec)
    assert all(module.training for module in network.modules())
    assert trained_parameter_count(network) == parameter_count(network)


@pytest.mark.parametrize("classes", [7, 1000])
def test_a_frozen_network_has_the_units_of_its_weights_and_learns_nothing(
    tmp_path: Path, classes: int
) -> None:
    state = state_of(SMALL, classes)
    network = build_frozen(SMALL, saved(tmp_path, state), seed=0)
    assert not any(module.training for module in network.modules())
    assert trained_parameter_count(network) == 0
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_a_frozen_network_without_weights_is_random_by_its_seed() -> None:
    first, again, other = (build_frozen(SMALL, None, seed).conv1[0].weight for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_softmax_regression_makes_no_features() -> None:
    with pytest.raises(InvalidSpec, match="must be a model of torchvision"):
        build_frozen(SOFTMAX_REGRESSION, None, 0)


@pytest.mark.parametrize("arch", ["googlenet", "inception_v3"])
def test_helper_outputs_in_the_weights_are_left_out(arch: str) -> None:
    state = state_of(arch)
    network = network_without_memory(arch)
    path, _ = output_layer(network)
    kept = fitted(state, network, path, arch=arch, about="torchvision's")
    assert any(name.startswith(("aux1", "AuxLogits")) for name in state)
    assert list(kept) == list(network.state_dict())


@pytest.mark.parametrize("arch", ["googlenet", "inception_v3"])
def test_a_network_scales_its_input_alike_with_and_without_weights(arch: str) -> None:
    assert network_without_memory(arch).transform_input


@pytest.mark.parametrize(
    ("arch", "today", "then"),
    [
        ("densenet121", "denselayer1.norm1.weight", "denselayer1.norm.1.weight"),
        ("vit_b_32", "mlp.3.bias", "mlp.linear_2.bias"),
        ("vit_b_32", "mlp.0.weight", "mlp.linear_1.weight"),
    ],
)
def test_names_of_older_files_are_understood(arch: str, today: str, then: str) -> None:
    network = network_without_memory(arch)
    state = network.state_dict()
    old = {name.replace(today, then): value for name, value in state.items()}
    path, _ = output_layer(network)
    assert old.keys() != state.keys()
    assert list(fitted(old, network, path, arch=arch, about="old")) == list(state)


def test_counters_that_older_files_lack_begin_at_0(tmp_path: Path) -> None:
    state = {
        name: value for name, value in state_of(SMALL).items() if not name.endswith("num_batches_tracked")
    }
    assert build(SMALL, saved(tmp_path, state)).conv1[1].num_batches_tracked == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"conv1.0.weight": torch.zeros(24, 3, 5, 5)},
            "'conv1.0.weight' is 24 x 3 x 5 x 5, and 24 x 3 x 3 x 3 is wanted.",
        ),
        ({"conv1.0.weight": None}, "'conv1.0.weight' is missing."),
        ({"extra.weight": torch.zeros(1)}, "'extra.weight' is no part of it."),
        ({"fc.bias": torch.zeros(9)}, "'fc.bias' is 9, and 1000 is wanted."),
        (
            {"fc.weight": torch.zeros(0, 1024)},
            "'fc.weight' is 0 x 1024, and 1 x 1024 is wanted (1 more differ).",
        ),
        (
            {"fc.weight": torch.zeros(())},
            "'fc.weight' is one number, and 1 x 1024 is wanted (1 more differ).",
        ),
        ({"fc.bias": torch.zeros(1000, dtype=torch.int64)}, "'fc.bias' holds int64, and float32 is wanted."),
        ({"extra.weight": torch.zeros(1), "fc.bias": None}, "'fc.bias' is missing (1 more differ)."),
    ],
)
def test_what_does_not_fit_is_named_in_one_sentence(
    tmp_path: Path, changes: dict[str, Tensor | None], sentence: str
) -> None:
    state = {name: value for name, value in {**state_of(SMALL), **changes}.items() if value is not None}
    with pytest.raises(DataProblem) as refused:
        build(SMALL, saved(tmp_path, state))
    assert str(refused.value) == f"These weights (the file 'mine') do not fit {SMALL}: {sentence}"


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataProblem, match=f"do not fit {SMALL}: "):
        build_frozen(SMALL, saved(tmp_path, state_of("squeezenet1_1")), 0)


def test_half_precision_weights_become_what_the_network_computes_in(tmp_path: Path) -> None:
    state = {
        name: value.half() if value.is_floating_point() else value for name, value in state_of(SMALL).items()
    }
    assert build(SMALL, saved(tmp_path, state)).conv1[0].weight.dtype == torch.float32


def test_a_file_that_is_missing_or_broken_is_told_in_one_sentence(tmp_path: Path) -> None:
    weights = saved(tmp_path, {"a": torch.zeros(3)})
    weights.path.write_bytes(weights.path.read_bytes()[:-3])
    with pytest.raises(DataProblem, match=r"These weights \(the file 'mine'\) cannot be read"):
        load_state(weights)
    weights.path.unlink()
    with pytest.raises(DataProblem, match="cannot be read"):
        load_state(weights)
