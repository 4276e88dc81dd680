"""The spec: everything that defines one training, checked before anything is stored.

A spec without its seed is a recipe, known by the hash of its canonical JSON. This module knows
what a value may be by itself; what depends on the catalog is checked in `backend.launching.check`,
what depends on the data or the network, by the worker before the first batch.
"""

import hashlib
import json
from functools import reduce
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from backend.belonging import choice_of, meaningless
from backend.errors import InvalidSpec
from backend.sentences import NAME, NODE, SHA256, part_of, rules_of, sentence, shown_value

SPEC_VERSION = 1
"""Rises when the meaning of a stored recipe changes; part of every recipe's hash."""

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=NAME)]


def _unit(name: str) -> dict[str, JsonValue]:
    """Return what a field's rules say of its unit."""
    return {"unit": name}


class Part(BaseModel):
    """A piece of a spec: frozen, no unknown fields, no silent conversion of text to numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class DatasetSpec(Part):
    """Which images, how many of them, and how they enter the network."""

    name: Name = Field(description="A generated data set, or one that was fetched or imported, by its name.")
    train_limit: int | None = Field(
        default=None,
        ge=1,
        le=10**8,
        description="Training images used; all where empty. Does not depend on the seed.",
        json_schema_extra=_unit("images"),
    )
    test_limit: int | None = Field(
        default=None,
        ge=1,
        le=10**8,
        description="Test images used; all where empty. Does not depend on the seed.",
        json_schema_extra=_unit("images"),
    )
    image_size: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Side in pixels that images are resized to; as stored where empty.",
        json_schema_extra=_unit("px"),
    )
    normalize: Literal["none", "dataset", "imagenet"] = Field(
        default="none",
        description="Subtract a mean and divide by a deviation per channel: of this data set, or ImageNet's.",
    )
    augment: Literal["none", "flip", "crop_flip", "cutout", "mixup"] = Field(
        default="none",
        description="Change training images anew in each epoch: mirror them; shift them by up to an eighth and mirror them; "
        "this and black out a square of half their side; or this and mix them in pairs.",
    )
    validation: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        description="Share of the training images that is kept back to validate on, as many of each class. "
        "Does not depend on the seed.",
    )


class WeightsSpec(Part):
    """What a network starts from. A parent is named by its recipe and a rule, never by a run's id.

    So three seeds of a child on three parents are one recipe, and so are three children of one parent.
    """

    source: Literal["none", "imagenet", "parent", "file"] = Field(
        default="none",
        description="A random start, torchvision's ImageNet weights, the last checkpoint of a parent run, "
        "or a file that an operator imported.",
    )
    parent: str | None = Field(
        default=None,
        pattern=SHA256,
        description="Recipe of the parent, by its hash.",
    )
    rule: Literal["same_seed", "fixed_seed"] = Field(
        default="same_seed",
        description="Which run of the parent's recipe: the one with this run's seed, or always one.",
    )
    seed: int | None = Field(
        default=None, ge=0, le=2**31 - 1, description="Seed of the one parent, where the rule is fixed_seed."
    )
    name: Name | None = Field(default=None, description="Name of the imported file.")


class ModelSpec(Part):
    """The network. Its output layer always has as many units as the data set has classes."""

    arch: Name = Field(description="softmax-regression, or a classification model of torchvision.")
    init: Literal["default", "xavier_uniform"] = Field(
        default="default",
        description="Random start: the library's own, or Xavier uniform for linear and convolutional layers.",
    )
    weights: WeightsSpec = WeightsSpec()
    output_layer: Literal["new", "kept"] = Field(
        default="new",
        description="Of weights that are loaded: begin with a new output layer, or keep theirs (of as many classes).",
    )
    trained: Literal["all", "head"] = Field(
        default="all", description="Train all layers, or the output layer alone."
    )


class FeaturesSpec(Part):
    """A frozen network whose activations at one node take the place of the images."""

    arch: Name = Field(
        description="The frozen network, a classification model of torchvision: its activations take the place of the images."
    )
    weights: WeightsSpec = WeightsSpec()
    node: Annotated[str, Field(min_length=1, max_length=200, pattern=NODE)] = Field(
        description="Node of the network's graph, such as layer2 or avgpool; the name of a module means its output."
    )
    pooling: Literal["none", "average"] = Field(
        default="none",
        description="All values of the node, flattened; or the average of each channel over the image.",
    )
    standardize: bool = Field(
        default=False,
        description="Subtract the mean and divide by the deviation of each feature over the training images.",
    )


class LossSpec(Part):
    name: Literal["cross_entropy", "cross_entropy_of_probabilities"] = Field(
        default="cross_entropy",
        description="Of logits, or (as published in section 3) of probabilities: softmax applied twice.",
    )
    label_smoothing: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of each target that is spread over all classes, in training alone.",
    )


class OptimizerSpec(Part):
    name: Literal["sgd", "adam", "adamw"] = Field(
        default="sgd",
        description="Stochastic gradient descent; Adam; or AdamW, whose weight decay is apart from the gradient.",
    )
    lr: float = Field(
        default=0.05, gt=0, le=100, description="Learning rate; the highest one where a schedule changes it."
    )
    momentum: float = Field(
        default=0.0, ge=0, lt=1, description="Of SGD: share of the last step that goes on."
    )
    nesterov: bool = Field(
        default=False, description="Of SGD: take the gradient where the momentum is about to lead."
    )
    weight_decay: float = Field(
        default=0.0,
        ge=0,
        le=10,
        description="Pull of all weights towards 0: an L2 penalty, or AdamW's decay.",
    )
    beta1: float = Field(
        default=0.9, ge=0, lt=1, description="Of Adam and AdamW: decay of the mean gradient."
    )
    beta2: float = Field(
        default=0.999, ge=0, lt=1, description="Of Adam and AdamW: decay of the mean squared gradient."
    )


class ScheduleSpec(Part):
    """How the learning rate changes, step by step, below the optimizer's."""

    name: Literal["constant", "step", "cosine", "onecycle"] = Field(
        default="constant",
        description="Constant; multiplied by gamma every some epochs; towards 0 along half a cosine; or up from a 25th "
        "over the first 30% and then down to nearly 0.",
    )
    warmup_epochs: float = Field(
        default=0.0,
        ge=0,
        le=10_000,
        description="The learning rate rises from 0 in a line over so many epochs first; parts of one count.",
        json_schema_extra=_unit("epochs"),
    )
    step_epochs: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Of the schedule step: multiply every so many epochs.",
        json_schema_extra=_unit("epochs"),
    )
    gamma: float = Field(
        default=0.1, gt=0, lt=1, description="Of the schedule step: what the learning rate is multiplied by."
    )


class EarlyStoppingSpec(Part):
    """When to end before the last epoch: never by what the test set says."""

    patience: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="End after so many epochs without a better value; never where empty.",
        json_schema_extra=_unit("epochs"),
    )
    metric: Literal["val_loss", "val_acc", "train_loss"] = Field(
        default="val_loss", description="The value that must get better; those of validation need its images."
    )
    min_delta: float = Field(
        default=0.0,
        ge=0,
        le=100,
        description="A value counts as better only where it is so by more than this.",
    )


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
        json_schema_extra=_unit("images"),
    )
    eval_batch_size: int = Field(
        default=512,
        ge=1,
        le=65_536,
        description="Test images evaluated at once.",
        json_schema_extra=_unit("images"),
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
        json_schema_extra=_unit("devices"),
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
    _check_weights("model.weights", spec.model.weights)
    if spec.features:
        _check_features(spec)
    _check_training_of_weights(spec)
    _refuse_the_meaningless(spec)
    _check_optimizer(spec.optimizer)
    _check_schedule(spec.schedule, spec.epochs)
    _check_early_stopping(spec)
    return spec


def _check_weights(where: str, weights: WeightsSpec) -> None:
    wanted = {"parent": weights.parent, "name": weights.name, "seed": weights.seed}
    needs = {"parent": {"parent"}, "file": {"name"}}.get(weights.source, set())
    if weights.source == "parent" and weights.rule == "fixed_seed":
        needs = needs | {"seed"}
    for field, value in wanted.items():
        if field in needs and value is None:
            raise InvalidSpec(f"{where}.{field} is missing; {where}.source {weights.source} needs it.")
        if field not in needs and value is not None:
            raise InvalidSpec(
                f"{where}.{field} is {shown_value(value)}; it means nothing with {where}.source {weights.source}"
                f"{' and rule same_seed' if field == 'seed' else ''}: leave it out."
            )
    if weights.rule == "fixed_seed" and weights.source != "parent":
        raise InvalidSpec(f"{where}.rule is 'fixed_seed'; it means nothing without a parent: leave it out.")


def _check_features(spec: Spec) -> None:
    assert spec.features
    _check_weights("features.weights", spec.features.weights)
    if spec.features.arch == "softmax-regression":
        raise InvalidSpec(
            "features.arch is 'softmax-regression'; features come from a classification model of torchvision."
        )
    if spec.model.arch != "softmax-regression":
        raise InvalidSpec(
            f"model.arch is {shown_value(spec.model.arch)}; on features only softmax-regression is trained."
        )
    if spec.model.weights.source != "none":
        raise InvalidSpec(
            f"model.weights.source is {shown_value(spec.model.weights.source)}; with features the weights belong "
            "to the network that makes them: features.weights."
        )
    if spec.dataset.augment != "none":
        raise InvalidSpec(
            f"dataset.augment is {shown_value(spec.dataset.augment)}; features are made once for all epochs, "
            "so with features it must be 'none'."
        )


def _check_training_of_weights(spec: Spec) -> None:
    model = spec.model
    if model.weights.source == "none":
        for field, value, default in (
            ("output_layer", model.output_layer, "new"),
            ("trained", model.trained, "all"),
        ):
            if value != default:
                raise InvalidSpec(
                    f"model.{field} is {shown_value(value)}; without weights to start from it must be {shown_value(default)}."
                )
    elif model.arch == "softmax-regression" and model.weights.source == "imagenet":
        raise InvalidSpec(
            "model.weights.source is 'imagenet'; there are no such weights for softmax-regression."
        )
    elif model.output_layer == "kept" and model.init != "default":
        raise InvalidSpec(
            f"model.init is {shown_value(model.init)}; with weights and their output layer kept nothing starts "
            "at random: leave it out."
        )


def _refuse_the_meaningless(spec: Spec) -> None:
    for path in meaningless(lambda path: _value(spec, path)):
        holder, _, name = path.rpartition(".")
        value = _value(spec, path)
        if value == type(_value(spec, holder)).model_fields[name].default:
            continue
        choice = choice_of(path)
        chosen = _value(spec, choice)
        if path == "schedule.warmup_epochs":
            raise InvalidSpec(f"{path} is {value}; {chosen} warms up by itself: leave it out.")
        beside = f"{choice} empty" if chosen is None else f"{choice} {chosen}"
        raise InvalidSpec(f"{path} is {shown_value(value)}; it means nothing with {beside}: leave it out.")


def _value(spec: Spec, path: str) -> Any:
    return reduce(getattr, path.split("."), spec)


def _check_optimizer(optimizer: OptimizerSpec) -> None:
    if optimizer.nesterov and not optimizer.momentum:
        raise InvalidSpec(
            "optimizer.nesterov is True, and optimizer.momentum is 0.0; it must be over 0 for this."
        )


def _check_schedule(schedule: ScheduleSpec, epochs: int) -> None:
    if schedule.name == "step" and schedule.step_epochs is None:
        raise InvalidSpec("schedule.step_epochs is missing; schedule.name step needs it.")
    if schedule.warmup_epochs >= epochs and schedule.warmup_epochs:
        raise InvalidSpec(
            f"schedule.warmup_epochs is {schedule.warmup_epochs}; it must be under the {epochs} epochs of the run."
        )


def _check_early_stopping(spec: Spec) -> None:
    stopping = spec.early_stopping
    if stopping.patience and stopping.metric.startswith("val_") and not spec.dataset.validation:
        raise InvalidSpec(
            f"early_stopping.metric is {shown_value(stopping.metric)}, and dataset.validation is 0.0: "
            "no images are kept back to validate on; it must be over 0 for this."
        )


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
