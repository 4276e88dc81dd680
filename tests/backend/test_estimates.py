"""The estimates of time, held against speeds that were measured on two cores of a 2.5 GHz Xeon."""

import pytest

from backend.catalog.models import models, nodes
from backend.catalog.presets import SIZES, merged, preset, presets
from backend.estimates import LONG_SECONDS, seconds_for
from backend.spec import Spec, parse_spec

WITHIN = 0.4
"""How far an estimate may be from what was measured, as a share of it."""


def spec_of(arch: str, **changes: object) -> Spec:
    base = {"dataset": {"name": "cifar10"}, "model": {"arch": arch}, "epochs": 1}
    return parse_spec(merged(base, changes))


def on_cpu(spec: Spec, train_count: int, test_count: int) -> float:
    return seconds_for(spec, train_count, test_count, device="cpu")


@pytest.mark.parametrize(
    ("arch", "pixels", "batch_size", "measured"),
    [
        ("vgg16", 32, 32, 20),
        ("vgg16", 32, 64, 31),
        ("alexnet", 64, 32, 90),
        ("alexnet", 64, 64, 121),
        ("resnet18", 32, 32, 148),
        ("resnet18", 32, 64, 199),
    ],
)
def test_images_trained_on_in_a_second_are_near_those_measured(
    arch: str, pixels: int, batch_size: int, measured: float
) -> None:
    spec = spec_of(arch, dataset={"image_size": pixels}, batch_size=batch_size)
    seconds = on_cpu(spec, 128_000, 0) - on_cpu(spec, 0, 0)
    assert 128_000 / seconds == pytest.approx(measured, rel=WITHIN)


@pytest.mark.parametrize(
    ("arch", "pixels", "measured"), [("vgg16", 32, 120), ("alexnet", 64, 650), ("resnet18", 32, 1600)]
)
def test_images_evaluated_in_a_second_are_near_those_measured(
    arch: str, pixels: int, measured: float
) -> None:
    spec = spec_of(arch, dataset={"image_size": pixels})
    seconds = on_cpu(spec, 0, 10_000) - on_cpu(spec, 0, 0)
    assert 10_000 / seconds == pytest.approx(measured, rel=WITHIN)


def test_vgg16_as_published_takes_days() -> None:
    spec = preset("vgg16-fine-tuned").spec("published")
    assert on_cpu(spec, 50_000, 10_000) == pytest.approx(88 * 3600, rel=WITHIN)


@pytest.mark.parametrize("name", presets())
def test_every_quick_training_is_a_short_one(name: str) -> None:
    spec = preset(name).spec("quick")
    limits = spec.dataset.train_limit or 50_000, spec.dataset.test_limit or 10_000
    assert on_cpu(spec, *limits) < LONG_SECONDS / 4


def test_the_published_networks_are_long_and_softmax_regression_on_pixels_is_not() -> None:
    published = {name: on_cpu(known.spec("published"), 50_000, 10_000) for name, known in presets().items()}
    assert all(published[f"{arch}-fine-tuned"] > LONG_SECONDS for arch in ("alexnet", "resnet18", "vgg16"))
    assert published["softmax-original"] < LONG_SECONDS / 20


def test_features_cost_one_pass_over_all_images_however_many_epochs_follow() -> None:
    def seconds(epochs: int) -> float:
        spec = preset("softmax-resnet18-last").spec("published").model_copy(update={"epochs": epochs})
        return on_cpu(spec, 50_000, 10_000)

    one_pass = 60_000 * 1814e6 / 60e9  # multiply-adds of one image at 224 px, and those done in a second
    assert seconds(1) == pytest.approx(one_pass, rel=0.05)
    assert seconds(10) < 1.1 * seconds(1)


def test_more_values_at_a_node_take_longer_to_learn_from() -> None:
    last, halfway = (
        on_cpu(preset(f"softmax-resnet18-{which}").spec("published"), 50_000, 10_000)
        for which in ("last", "intermediate")
    )
    assert halfway - last == pytest.approx(600_000 * (128 * 28 * 28 - 512) * 1e-8, rel=0.01)


def test_a_model_whose_nodes_are_not_listed_has_an_estimate_too() -> None:
    features = {"arch": "swin_t", "node": "features", "weights": {"source": "imagenet"}}
    assert nodes("swin_t") is None
    assert on_cpu(spec_of("softmax-regression", features=features), 1000, 100) > 0


def test_the_head_alone_is_trained_in_less_than_half_the_time() -> None:
    weights = {"weights": {"source": "imagenet"}}
    everything = spec_of("vgg16", model=weights)
    head = spec_of("vgg16", model={**weights, "trained": "head"})
    assert on_cpu(head, 5000, 0) < on_cpu(everything, 5000, 0) / 2


def test_images_that_are_not_resized_count_as_they_are_stored() -> None:
    stored = seconds_for(spec_of("resnet18"), 1000, 0, device="cpu", stored_pixels=224)
    resized = on_cpu(spec_of("resnet18", dataset={"image_size": 224}), 1000, 0)
    assert stored == resized > 10 * on_cpu(spec_of("resnet18"), 1000, 0)


@pytest.mark.parametrize("size", SIZES)
def test_a_gpu_is_never_slower(size: str) -> None:
    for known in presets().values():
        spec = known.spec(size)
        assert seconds_for(spec, 5000, 1000, device="cuda") < on_cpu(spec, 5000, 1000)


@pytest.mark.parametrize("arch", models())
def test_every_model_has_an_estimate_that_grows_with_the_images(arch: str) -> None:
    spec = spec_of(arch, dataset={"image_size": 224})
    assert 0 < on_cpu(spec, 100, 10) < on_cpu(spec, 1000, 100)
