"""The spec: everything that defines one training, checked before anything is stored.

A spec without its seed is a recipe, known by the hash of its canonical JSON. What a value may be by itself
is said in `backend.spec_parts`, what fields may be together in `backend.spec_checks`; what depends on the catalog is checked in
`backend.launching.check`, what depends on the data or the network, by the worker before the first batch.
"""

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from backend.errors import InvalidSpec
from backend.sentences import part_of, rules_of, sentence
from backend.spec_checks import check_together
from backend.spec_parts import (
    DatasetSpec,
    EarlyStoppingSpec,
    FeaturesSpec,
    LossSpec,
    ModelSpec,
    OptimizerSpec,
    Part,
    ScheduleSpec,
    WeightsSpec,
    unit,
)

__all__ = [
    "DatasetSpec",
    "EarlyStoppingSpec",
    "FeaturesSpec",
    "LossSpec",
    "ModelSpec",
    "OptimizerSpec",
    "ScheduleSpec",
    "Spec",
    "WeightsSpec",
    "field_paths",
    "field_rules",
    "parse_spec",
]

SPEC_VERSION = 1
"""Rises when the meaning of a stored recipe changes; part of every recipe's hash."""


class Spec(Part):
    dataset: DatasetSpec
    model: ModelSpec
    features: FeaturesSpec | None = None
    loss: LossSpec = LossSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    schedule: ScheduleSpec = ScheduleSpec()
    early_stopping: EarlyStoppingSpec = EarlyStoppingSpec()
    epochs: int = Field(default=10, ge=1, le=10_000, description="Passes over the training images.")
    batch_size: int = Field(
        default=256,
        ge=1,
        le=65_536,
        description="Training images in one step.",
        json_schema_extra=unit("images"),
    )
    eval_batch_size: int = Field(
        default=512,
        ge=1,
        le=65_536,
        description="Test images evaluated at once.",
        json_schema_extra=unit("images"),
    )
    gradient_clip: float | None = Field(
        default=None,
        gt=0,
        le=1e6,
        description="Gradients whose norm is larger are scaled down to it; never where empty.",
    )
    ema: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Decay of an exponential moving average of the weights, which is then what is tested and kept; "
        "none where empty.",
    )
    precision: Literal["auto", "fp32", "tf32", "bf16"] = Field(
        default="auto",
        description="Numbers that are computed with; auto takes bf16 on a GPU that has it, else fp32.",
    )
    compile: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Compile the network; auto does so on a GPU where the run is long enough to pay for it.",
    )
    deterministic: bool = Field(
        default=False,
        description="Repeat all numbers on a GPU as well, which is slower; a CPU always repeats them.",
    )
    devices: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Devices of one worker that share each batch.",
        json_schema_extra=unit("devices"),
    )
    step_series: bool = Field(
        default=False, description="Keep loss and learning rate of every step too; no number changes by it."
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="Start of all random numbers.")

    def recipe(self) -> dict[str, Any]:
        """Return what identifies the recipe: no seed, no defaults, and the version of their meaning.

        Nor whether steps are kept: that changes no number.
        """
        return {
            "spec_version": SPEC_VERSION,
            **self.model_dump(mode="json", exclude={"seed", "step_series"}, exclude_defaults=True),
        }

    @property
    def weights(self) -> WeightsSpec:
        """The weights that this training starts from: those of the network, or of the one that makes its features."""
        return self.features.weights if self.features else self.model.weights

    def parent_seed(self) -> int:
        """Return the seed of the parent run that this one starts from."""
        weights = self.weights
        assert weights.source == "parent"
        if weights.rule == "same_seed":
            return self.seed
        assert weights.seed is not None
        return weights.seed

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
        spec = Spec.model_validate(value)
    except ValidationError as problem:
        raise InvalidSpec(sentence(problem, Spec)) from None
    check_together(spec)
    return spec


def field_rules(path: str) -> dict[str, Any]:
    """Return the JSON-schema rules of a field of the spec by its dotted path, {} where there is none."""
    return rules_of(Spec, path)


def field_paths(part: type[BaseModel] = Spec, above: str = "") -> list[str]:
    """Return the dotted paths of all fields of a spec that hold a value, in the order of the model."""
    paths = []
    for name, field in part.model_fields.items():
        below = part_of(field.annotation)
        paths += field_paths(below, f"{above}{name}.") if below else [f"{above}{name}"]
    return paths
