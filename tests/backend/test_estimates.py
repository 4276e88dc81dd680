"""The estimates of time, held against speeds that were measured on two cores of a 2.5 GHz Xeon."""

import pytest

from backend.catalog.models import models, nodes
from backend.catalog.presets import SIZES, merged, preset, presets
from backend.estimates.memory import memory_bytes
from backend.estimates.speeds import ROUGH_CPU, ROUGH_GPU, Speeds, speeds_of
from backend.estimates.time import LONG_SECONDS, seconds_on
from backend.readiness import Images
from backend.spec import Spec, parse_spec

WITHIN = 0.4
"""How far an estimate may be from what was measured, as a share of it."""


def spec_of(arch: str, **changes: object) -> Spec:
    base = {"dataset": {"name": "cifar10"}, "model": {"arch": arch}, "epochs": 1}
    return parse_spec(merged(base, changes))


def on_cpu(
    spec: Spec, train_count: int, test_count: int, *, speeds: Speeds = ROUGH_CPU, stored_pixels: int = 32
) -> float:
    return seconds_on(spec, Images(stored_pixels, 10, train_count, test_count), speeds)


def marginal(spec: Spec, train_count: int, test_count: int) -> float:
    """Return the seconds of the images alone: without the start, and the step that even one image costs."""
    return on_cpu(spec, 32 + train_count, 32 + test_count) - on_cpu(spec, 32, 32)


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
    seconds = marginal(spec, 128_000, 0)
    assert 128_000 / seconds == pytest.approx(measured, rel=WITHIN)


@pytest.mark.parametrize(
    ("arch", "pixels", "measured"), [("vgg16", 32, 120), ("alexnet", 64, 650), ("resnet18", 32, 1600)]
)
def test_images_evaluated_in_a_second_are_near_those_measured(
    arch: str, pixels: int, measured: float
) -> None:
    spec = spec_of(arch, dataset={"image_size": pixels})
    seconds = marginal(spec, 0, 10_000)
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
    assert halfway - last == pytest.approx(660_000 * (128 * 28 * 28 - 512) * 1e-8, rel=0.01)


def test_a_model_whose_nodes_are_not_listed_has_an_estimate_too() -> None:
    features = {"arch": "swin_t", "node": "features", "weights": {"source": "imagenet"}}
    assert nodes("swin_t") is None
    assert on_cpu(spec_of("softmax-regression", features=features), 1000, 100) > 0


def test_the_head_alone_is_trained_in_less_than_half_the_time() -> None:
    weights = {"weights": {"source": "imagenet"}}
    everything = spec_of("vgg16", model=weights)
    head = spec_of("vgg16", model={**weights, "trained": "head"})
    assert on_cpu(head, 5000, 10) < on_cpu(everything, 5000, 10) / 2


def test_images_that_are_not_resized_count_as_they_are_stored() -> None:
    stored = on_cpu(spec_of("resnet18"), 1000, 10, stored_pixels=224)
    resized = on_cpu(spec_of("resnet18", dataset={"image_size": 224}), 1000, 10)
    assert stored == resized > 10 * on_cpu(spec_of("resnet18"), 1000, 10)


@pytest.mark.parametrize("size", SIZES)
def test_a_gpu_is_never_slower(size: str) -> None:
    for known in presets().values():
        spec = known.spec(size)
        assert on_cpu(spec, 5000, 1000, speeds=ROUGH_GPU) < on_cpu(spec, 5000, 1000)


@pytest.mark.parametrize("arch", models())
def test_every_model_has_an_estimate_that_grows_with_the_images(arch: str) -> None:
    spec = spec_of(arch, dataset={"image_size": 224})
    assert 0 < on_cpu(spec, 100, 10) < on_cpu(spec, 1000, 100)


# What a spec adds to it.


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": {"name": "adam"}},
        {"optimizer": {"momentum": 0.9}},
        {"ema": 0.99},
        {"dataset": {"augment": "crop_flip"}},
        {"precision": "bf16"},
        {"epochs": 2},
    ],
    ids=str,
)
def test_what_a_spec_asks_for_beyond_the_plain_one_takes_longer(changes: dict) -> None:
    assert on_cpu(spec_of("resnet18", **changes), 1000, 100) > on_cpu(spec_of("resnet18"), 1000, 100)


def test_mixup_touches_more_values_than_a_shift() -> None:
    mixed, shifted = (spec_of("resnet18", dataset={"augment": how}) for how in ("mixup", "crop_flip"))
    assert on_cpu(mixed, 1000, 100) > on_cpu(shifted, 1000, 100)


def test_images_kept_back_are_evaluated_and_not_trained_on() -> None:
    kept_back = spec_of("vgg16", dataset={"validation": 0.5}, batch_size=50, eval_batch_size=50)
    whole = spec_of("vgg16", batch_size=50, eval_batch_size=50)
    assert on_cpu(kept_back, 1000, 100) == pytest.approx(on_cpu(whole, 500, 600), rel=1e-6)


def test_devices_of_a_gpu_worker_share_a_batch_and_processes_on_a_cpu_gain_nothing() -> None:
    alone, shared = (spec_of("vgg16", devices=count, dataset={"image_size": 224}) for count in (1, 2))
    assert on_cpu(shared, 5000, 100) == on_cpu(alone, 5000, 100)
    on_gpu = [on_cpu(spec, 5000, 100, speeds=ROUGH_GPU) for spec in (alone, shared)]
    assert on_gpu[1] < on_gpu[0]


# From a calibration.

FACTS = {
    "version": 1,
    "training": {"layers": 1e-4, "parameters": 1e-9, "macs": 1e-11, "values": 1e-9},
    "evaluation": {"layers": 1e-5, "parameters": 0.0, "macs": 4e-12, "values": 0.0},
    "linear_training": {"steps": 1e-3, "parameters": 1e-9, "values": 1e-9, "resized": 0.0, "augmented": 2e-9},
    "linear_evaluation": {"steps": 1e-3, "parameters": 0.0, "values": 1e-9, "resized": 0.0, "augmented": 0.0},
    "optimizers": {"momentum": 1e-9, "adam": 2e-9, "average": 1e-9},
    "precisions": {},
    "epoch": 0.01,
    "start": 0.5,
    "start_parameter": 1e-8,
    "saved_byte": 1e-9,
    "process_bytes": 300_000_000,
}


def test_an_estimate_from_a_calibration_is_the_sum_of_its_parts() -> None:
    spec = spec_of("alexnet", dataset={"image_size": 224}, batch_size=100, eval_batch_size=100)
    alexnet, speeds = models()["alexnet"], speeds_of(FACTS, "cpu")
    step = 21 * 1e-4 + alexnet.parameters * 1e-9 + 100 * (714.2e6 * 1e-11 + 0.935e6 * 1e-9)
    evaluated = 21 * 1e-5 + 100 * 714.2e6 * 4e-12
    epoch = 10 * step + 2 * evaluated + 0.01
    own = alexnet.parameters - 990 * 4097  # ten output units in place of a thousand
    saved = (1 + min(1, epoch / 30)) * 4 * own * 1e-9
    assert on_cpu(spec, 1000, 200, speeds=speeds) == pytest.approx(
        0.5 + alexnet.parameters * 1e-8 + epoch + saved, rel=2e-3
    )


def test_an_answer_says_whether_the_machine_was_measured() -> None:
    assert speeds_of(FACTS, "cpu").basis == "measured on this kind of device"
    assert speeds_of(None, "cpu") is ROUGH_CPU
    assert speeds_of({**FACTS, "version": 0}, "cuda").basis == "rough: from another kind of device"


# Memory.


def needed(spec: Spec, speeds: Speeds = ROUGH_CPU, there: int | None = None) -> int:
    return memory_bytes(spec, Images(32, 10, 50_000, 10_000), speeds, there)


def test_the_memory_of_a_network_is_what_can_be_counted_by_hand() -> None:
    spec = spec_of("alexnet", dataset={"image_size": 224}, batch_size=64, eval_batch_size=64)
    own = models()["alexnet"].parameters - 990 * 4097
    values = 2 * own + 2 * 64 * 3 * 224**2 + 64 * (0.935e6 + 0.344e6)
    assert needed(spec) - ROUGH_CPU.process_bytes == pytest.approx(4 * values, rel=1e-3)


def test_a_large_batch_to_evaluate_counts_where_it_takes_more_than_training() -> None:
    small = spec_of("vgg16", dataset={"image_size": 224}, batch_size=1, eval_batch_size=1)
    large = small.model_copy(update={"eval_batch_size": 100})
    more = needed(large) - needed(small)
    saved = models()["vgg16"].parameters - 990 * 4097  # else the fullest moment is when it is saved
    assert more == pytest.approx(4 * (100 * 6.423e6 + 99 * 3 * 224**2 - saved), rel=1e-3)


def test_what_an_optimizer_and_an_average_keep_of_each_parameter_is_added() -> None:
    plain, momentum, adam, average = (
        needed(spec_of("resnet18", batch_size=1, eval_batch_size=1, **more))
        for more in ({}, {"optimizer": {"momentum": 0.9}}, {"optimizer": {"name": "adam"}}, {"ema": 0.9})
    )
    one = 4 * (models()["resnet18"].parameters - 990 * 513)
    assert momentum - plain == pytest.approx(one, rel=0.01)
    assert adam - plain == pytest.approx(2 * one, rel=0.01)
    assert average - plain == pytest.approx(2 * one, rel=0.01), "and once more while it is saved"


def test_images_count_on_a_gpu_where_they_take_no_more_than_half_of_it() -> None:
    spec = spec_of("resnet18", batch_size=1, eval_batch_size=1)
    lying_there, on_the_host = needed(spec, ROUGH_GPU, 10**9), needed(spec, ROUGH_GPU, 10**8)
    assert lying_there - on_the_host == 60_000 * 3 * 32 * 32


def test_the_head_alone_needs_less_than_the_whole_network() -> None:
    weights = {"weights": {"source": "imagenet"}}
    assert needed(spec_of("vgg16", model={**weights, "trained": "head"})) < needed(
        spec_of("vgg16", model=weights)
    )


@pytest.mark.parametrize("arch", models())
def test_every_model_needs_more_memory_for_a_larger_batch(arch: str) -> None:
    spec = spec_of(arch, dataset={"image_size": 224}, batch_size=16)
    assert needed(spec) < needed(spec.model_copy(update={"batch_size": 512}))
