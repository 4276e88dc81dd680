"""The spec: everything that defines one training, checked before anything is stored.

A spec without its seed is a recipe, known by the hash of its canonical JSON. This module knows
what a value may be by itself; what depends on the catalog is checked in `backend.launching.check`,
what depends on the data or the network, by the worker before the first batch.
"""

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.errors import InvalidSpec

SPEC_VERSION = 1
"""Rises when the meaning of a stored recipe changes; part of every recipe's hash."""

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Part(BaseModel):
    """A piece of a spec: frozen, no unknown fields, no silent conversion of text to numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class DatasetSpec(Part):
    """Which images, how many of them, and how they enter the network."""

    name: Name
    train_limit: int | None = Field(
        default=None,
        ge=1,
        le=10**8,
        description="Training images used; all where empty. Does not depend on the seed.",
    )
    test_limit: int | None = Field(
        default=None,
        ge=1,
        le=10**8,
        description="Test images used; all where empty. Does not depend on the seed.",
    )
    image_size: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Side in pixels that images are resized to; as stored where empty.",
    )
    normalize: Literal["none", "dataset", "imagenet"] = Field(
        default="none",
        description="Subtract a mean and divide by a deviation per channel: of this data set, or ImageNet's.",
    )


class ModelSpec(Part):
    """The network. Its output layer always has as many units as the data set has classes."""

    arch: Name = Field(description="softmax-regression, or a classification model of torchvision by name.")
    init: Literal["default", "xavier_uniform"] = Field(
        default="default",
        description="Random start: the library's own, or Xavier uniform for linear and convolutional layers.",
    )


class LossSpec(Part):
    name: Literal["cross_entropy", "cross_entropy_of_probabilities"] = Field(
        default="cross_entropy",
        description="Of logits, or (as published in section 3) of probabilities: softmax applied twice.",
    )


class OptimizerSpec(Part):
    name: Literal["sgd"] = "sgd"
    lr: float = Field(default=0.05, gt=0, le=100, description="Learning rate.")
    momentum: float = Field(default=0.0, ge=0, lt=1, description="Share of the last step that goes on.")
    weight_decay: float = Field(default=0.0, ge=0, le=10, description="L2 penalty on all weights.")


class Spec(Part):
    dataset: DatasetSpec
    model: ModelSpec
    loss: LossSpec = LossSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    epochs: int = Field(default=10, ge=1, le=10_000, description="Passes over the training images.")
    batch_size: int = Field(default=256, ge=1, le=65_536, description="Training images in one step.")
    eval_batch_size: int = Field(default=512, ge=1, le=65_536, description="Test images evaluated at once.")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="Start of all random numbers.")

    def recipe(self) -> dict[str, Any]:
        """Return what identifies the recipe: no seed, no defaults, and the version of their meaning."""
        return {
            "spec_version": SPEC_VERSION,
            **self.model_dump(mode="json", exclude={"seed"}, exclude_defaults=True),
        }

    def recipe_hash(self) -> str:
        """Return the SHA-256 of the canonical JSON of the recipe, as 64 hexadecimal digits."""
        canonical = json.dumps(self.recipe(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def parse_spec(value: object) -> Spec:
    """Return the spec that `value` (parsed JSON or TOML) describes.

    Raises:
        InvalidSpec: with one sentence: which field, its value, what is allowed.
    """
    try:
        return Spec.model_validate(value)
    except ValidationError as problem:
        raise InvalidSpec(sentence(problem)) from None


KINDS = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text",
    "model_type": "a table of fields",
}
"""Pydantic's kinds of problem, as what is wanted instead."""


def sentence(problem: ValidationError) -> str:
    """Return the first problem as one sentence for people: what, the value, what is allowed."""
    first = problem.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the request"
    context = first.get("ctx", {})
    kind = first["type"]
    if kind == "missing":
        return f"{where} is missing."
    if kind == "extra_forbidden":
        return f"{where} is not a field of a spec; remove it or correct its name."
    shown = _shown(first["input"])
    if kind == "literal_error":
        return f"{where} is {shown}; it must be {context['expected']}."
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number"):
        return f"{where} is {shown}; it must be {_allowed_range(where)}."
    if kind in KINDS:
        bounds = _allowed_range(where)
        return f"{where} is {shown}; it must be {KINDS[kind]}{', ' if bounds else ''}{bounds}."
    if kind in ("string_too_short", "string_too_long"):
        return f"{where} is {shown}; it must have 1 to 100 characters."
    if kind == "string_pattern_mismatch":
        return f"{where} is {shown}; it may hold letters, digits, '.', '_' and '-' only."
    return f"{where} is {shown}; {first['msg'][:1].lower()}{first['msg'][1:]}."


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def field_rules(path: str) -> dict[str, Any]:
    """Return the JSON-schema rules of a field of the spec by its dotted path, {} where there is none."""
    model: type[BaseModel] = Spec
    *parents, last = path.split(".")
    for name in parents:
        field = model.model_fields.get(name)
        if field is None or not (
            isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        ):
            return {}
        model = field.annotation
    rules = model.model_json_schema()["properties"].get(last, {})
    for choice in rules.get("anyOf", []):
        if choice.get("type") != "null":
            return {**rules, **choice}
    return rules


def _allowed_range(path: str) -> str:
    rules = field_rules(path)
    low = (
        f"over {rules['exclusiveMinimum']}"
        if "exclusiveMinimum" in rules
        else f"at least {rules['minimum']}"
        if "minimum" in rules
        else ""
    )
    high = (
        f" and under {rules['exclusiveMaximum']}"
        if "exclusiveMaximum" in rules
        else f" and at most {rules['maximum']}"
        if "maximum" in rules
        else ""
    )
    return low + high
