"""The spec: what identifies a recipe, and how a wrong value is told."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.catalog.presets import SIZES, presets
from backend.errors import InvalidSpec
from backend.grid import laid_over
from backend.sentences import PATTERNS
from backend.spec import Spec, parse_spec

BASE = {"dataset": {"name": "shapes"}, "model": {"arch": "alexnet"}}

RECIPES = {
    "alexnet-from-scratch": ("ff6d9ee40d3b", "50ef6250ed9a"),
    "alexnet-fine-tuned": ("02febe1e8e94", "f8fcbfa849fb"),
    "resnet18-fine-tuned": ("9f1afd1c1c93", "47732a8c9a64"),
    "vgg16-fine-tuned": ("89756d35bfa0", "38dc414feb60"),
    "softmax-resnet18-last": ("09a96f4e51a4", "f84a6bacb2f8"),
    "softmax-resnet18-last-corrected": ("ae2a5eea2283", "87101e5b0796"),
    "softmax-resnet18-intermediate": ("b98f779db647", "5288ebe95358"),
    "softmax-resnet18-intermediate-corrected": ("b2364d2a7282", "2c43bfb88ca2"),
    "softmax-original": ("bc52e97d01c2", "c30389c26471"),
    "softmax-original-corrected": ("a564186c83cc", "ec720047f22f"),
    "alexnet-pretrained": ("ed20a4ece079", "cfbd38c67e3d"),
    "resnet18-pretrained": ("c45df352549a", "1cecbec11f3c"),
    "vgg16-pretrained": ("3d290da65e0d", "f7276a31cd68"),
}
"""First digits of the recipe of each preset, published and quick, as they were before a spec had a schedule."""


def test_the_seed_is_no_part_of_the_recipe() -> None:
    assert parse_spec({**BASE, "seed": 1}).recipe_hash() == parse_spec({**BASE, "seed": 2}).recipe_hash()


def test_a_default_that_is_written_out_is_the_same_recipe() -> None:
    written = parse_spec(parse_spec(BASE).model_dump(mode="json"))
    assert written.recipe_hash() == parse_spec(BASE).recipe_hash()
    assert set(written.recipe()) == {"spec_version", "dataset", "model"}


def test_recipes_of_presets_stay_the_same_when_a_spec_gets_new_fields() -> None:
    for name, digits in RECIPES.items():
        found = tuple(presets()[name].spec(size).recipe_hash()[:12] for size in SIZES)
        assert found == digits, name


def test_whether_steps_are_kept_is_no_part_of_the_recipe_and_stays_in_the_spec() -> None:
    kept = parse_spec({**BASE, "step_series": True})
    assert kept.recipe_hash() == parse_spec(BASE).recipe_hash()
    assert parse_spec(kept.model_dump(mode="json")).step_series


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": {"name": "shapes", "validation": 0.1}},
        {"dataset": {"name": "shapes", "augment": "mixup"}},
        {"loss": {"label_smoothing": 0.1}},
        {"optimizer": {"name": "adamw"}},
        {"optimizer": {"name": "adam", "beta2": 0.99}},
        {"optimizer": {"momentum": 0.9, "nesterov": True}},
        {"schedule": {"name": "cosine"}},
        {"schedule": {"warmup_epochs": 0.5}},
        {"early_stopping": {"patience": 3, "metric": "train_loss"}},
        {"gradient_clip": 1.0},
        {"ema": 0.99},
        {"precision": "fp32"},
        {"compile": "off"},
        {"deterministic": True},
        {"devices": 2},
    ],
    ids=str,
)
def test_each_new_part_of_a_spec_is_part_of_the_recipe(changes: dict[str, Any]) -> None:
    spec = parse_spec({**BASE, **changes})
    assert spec.recipe_hash() != parse_spec(BASE).recipe_hash()
    assert parse_spec(spec.model_dump(mode="json")).recipe_hash() == spec.recipe_hash()


def test_a_whole_number_means_the_same_as_its_fraction() -> None:
    one, other = ({**BASE, "optimizer": {"lr": value}} for value in (1, 1.0))
    assert parse_spec(one).recipe_hash() == parse_spec(other).recipe_hash()


@given(st.floats(min_value=1e-9, max_value=100), st.integers(1, 10_000))
def test_another_value_is_another_recipe(lr: float, epochs: int) -> None:
    spec = parse_spec({**BASE, "optimizer": {"lr": lr}, "epochs": epochs})
    same_as_default = lr == 0.05 and epochs == 10
    assert (spec.recipe_hash() == parse_spec(BASE).recipe_hash()) == same_as_default


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "dataset is missing."),
        (7, "the request"),
        ({**BASE, "loss": {"name": "hinge"}}, "loss.name is 'hinge'; it must be 'cross_entropy' or"),
        (
            {**BASE, "optimizer": {"lr": float("nan")}},
            "optimizer.lr is nan; it must be over 0 and at most 100.",
        ),
        (
            {**BASE, "optimizer": {"momentum": 1}},
            "optimizer.momentum is 1; it must be at least 0 and under 1.",
        ),
        ({**BASE, "dataset": {"name": "a b"}}, "may hold letters, digits"),
        ({**BASE, "dataset": {"name": ".a"}}, "and must begin with a letter or digit."),
        ({**BASE, "dataset": {"name": ""}}, "dataset.name is ''; it must have 1 to 100 characters."),
        (
            {**BASE, "features": {"arch": "resnet18", "node": "a" * 201}},
            "it must have 1 to 200 characters.",
        ),
        (
            {**BASE, "model": {"arch": "alexnet", "weights": {"source": "file", "name": "a" * 101}}},
            "it must have 1 to 100 characters.",
        ),
        (
            {**BASE, "model": {"arch": "alexnet", "weights": {"source": "parent", "parent": "abc"}}},
            "model.weights.parent is 'abc'; it must be 64 hexadecimal digits (0 to 9, a to f).",
        ),
        ({**BASE, "seed": 2**31}, "seed is 2147483648; it must be at least 0 and at most 2147483647."),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed(wrong: object, says: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_spec(wrong)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"optimizer": {"name": "adam", "momentum": 0.9}},
            "optimizer.momentum is 0.9; it means nothing with optimizer.name adam: leave it out.",
        ),
        (
            {"optimizer": {"name": "adamw", "nesterov": True}},
            "optimizer.nesterov is True; it means nothing with optimizer.name adamw: leave it out.",
        ),
        (
            {"optimizer": {"beta1": 0.5}},
            "optimizer.beta1 is 0.5; it means nothing with optimizer.name sgd: leave it out.",
        ),
        (
            {"optimizer": {"beta2": 0.5}},
            "optimizer.beta2 is 0.5; it means nothing with optimizer.name sgd: leave it out.",
        ),
        (
            {"optimizer": {"nesterov": True}},
            "optimizer.nesterov is True, and optimizer.momentum is 0.0; it must be over 0 for this.",
        ),
        (
            {"schedule": {"name": "step"}},
            "schedule.step_epochs is missing; schedule.name step needs it.",
        ),
        (
            {"schedule": {"name": "cosine", "step_epochs": 3}},
            "schedule.step_epochs is 3; it means nothing with schedule.name cosine: leave it out.",
        ),
        (
            {"schedule": {"gamma": 0.5}},
            "schedule.gamma is 0.5; it means nothing with schedule.name constant: leave it out.",
        ),
        (
            {"schedule": {"name": "onecycle", "warmup_epochs": 1}},
            "schedule.warmup_epochs is 1.0; onecycle warms up by itself: leave it out.",
        ),
        (
            {"schedule": {"warmup_epochs": 10}},
            "schedule.warmup_epochs is 10.0; it must be under the 10 epochs of the run.",
        ),
        (
            {"early_stopping": {"metric": "train_loss"}},
            "early_stopping.metric is 'train_loss'; it means nothing with early_stopping.patience empty: leave it out.",
        ),
        (
            {"early_stopping": {"min_delta": 0.1}},
            "early_stopping.min_delta is 0.1; it means nothing with early_stopping.patience empty: leave it out.",
        ),
        (
            {"early_stopping": {"patience": 2}},
            "early_stopping.metric is 'val_loss', and dataset.validation is 0.0: no images are kept back",
        ),
        (
            {"early_stopping": {"patience": 2, "metric": "test_loss"}},
            "early_stopping.metric is 'test_loss'; it must be 'val_loss', 'val_acc' or 'train_loss'.",
        ),
    ],
)
def test_what_means_nothing_beside_another_choice_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_spec({**BASE, **changes})
    assert str(refused.value).startswith(says)


@pytest.mark.parametrize(
    ("path", "wrong", "says"),
    [
        ("dataset.validation", 0.6, "at least 0 and at most 0.5"),
        ("dataset.augment", "blur", "'none', 'flip', 'crop_flip', 'cutout' or 'mixup'"),
        ("loss.label_smoothing", 1, "at least 0 and under 1"),
        ("optimizer.name", "rmsprop", "'sgd', 'adam' or 'adamw'"),
        ("optimizer.beta1", 1, "at least 0 and under 1"),
        ("optimizer.beta2", -0.1, "at least 0 and under 1"),
        ("schedule.name", "linear", "'constant', 'step', 'cosine' or 'onecycle'"),
        ("schedule.warmup_epochs", -1, "at least 0 and at most 10000"),
        ("schedule.step_epochs", 0, "at least 1 and at most 10000"),
        ("schedule.gamma", 1, "over 0 and under 1"),
        ("early_stopping.patience", 0, "at least 1 and at most 10000"),
        ("early_stopping.min_delta", -1, "at least 0 and at most 100"),
        ("gradient_clip", 0, "over 0 and at most 1000000"),
        ("ema", 1, "over 0 and under 1"),
        ("precision", "fp16", "'auto', 'fp32', 'tf32' or 'bf16'"),
        ("compile", True, "'auto', 'on' or 'off'"),
        ("devices", 0, "at least 1 and at most 64"),
    ],
)
def test_the_range_of_each_new_field_is_told(path: str, wrong: object, says: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_spec(laid_over(BASE, {path: wrong}))
    assert str(refused.value).startswith(f"{path} is {wrong!r}; it must be {says}")


def patterns(rules: object) -> set[str]:
    """Return every pattern in a JSON schema."""
    if isinstance(rules, dict):
        own = {rules["pattern"]} if isinstance(rules.get("pattern"), str) else set()
        return own.union(*(patterns(part) for part in rules.values()))
    return set().union(*(patterns(part) for part in rules)) if isinstance(rules, list) else set()


def test_every_pattern_of_a_spec_has_its_words() -> None:
    assert patterns(Spec.model_json_schema()) == set(PATTERNS)


def test_a_spec_cannot_be_changed() -> None:
    spec = parse_spec(BASE)
    with pytest.raises(ValueError, match="frozen"):
        spec.epochs = 3  # pyright: ignore


def test_every_preset_is_a_valid_spec_in_every_size() -> None:
    assert {"alexnet-from-scratch", "softmax-original"} <= set(presets())
    for preset in presets().values():
        for size in SIZES:
            assert isinstance(preset.spec(size), Spec)


def test_the_published_presets_hold_the_hyper_parameters_of_the_report() -> None:
    alexnet, softmax = (
        presets()[name].spec("published") for name in ("alexnet-from-scratch", "softmax-original")
    )
    assert (alexnet.optimizer.lr, alexnet.epochs, alexnet.batch_size, alexnet.dataset.image_size) == (
        0.05,
        10,
        256,
        224,
    )
    assert (softmax.optimizer.lr, softmax.epochs, softmax.batch_size) == (0.1, 10, 256)
    assert softmax.loss.name == "cross_entropy_of_probabilities"
