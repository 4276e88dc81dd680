"""The spec: what identifies a recipe, and how a wrong value is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.catalog.presets import SIZES, presets
from backend.errors import InvalidSpec
from backend.sentences import PATTERNS
from backend.spec import Spec, parse_spec

BASE = {"dataset": {"name": "shapes"}, "model": {"arch": "alexnet"}}


def test_the_seed_is_no_part_of_the_recipe() -> None:
    assert parse_spec({**BASE, "seed": 1}).recipe_hash() == parse_spec({**BASE, "seed": 2}).recipe_hash()


def test_a_default_that_is_written_out_is_the_same_recipe() -> None:
    written = parse_spec(parse_spec(BASE).model_dump(mode="json"))
    assert written.recipe_hash() == parse_spec(BASE).recipe_hash()
    assert set(written.recipe()) == {"spec_version", "dataset", "model"}


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
