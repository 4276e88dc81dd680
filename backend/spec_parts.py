"""The parts of a spec: what each field means, and which values it may have by itself.

What two fields may not be together is said by `backend.spec_checks`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from backend.sentences import NAME, NODE, SHA256

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=NAME)]


def unit(name: str) -> dict[str, JsonValue]:
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
        json_schema_extra=unit("images"),
    )
    test_limit: int | None = Field(
        default=None,
        ge=1,
        le=10**8,
        description="Test images used; all where empty. Does not depend on the seed.",
        json_schema_extra=unit("images"),
    )
    image_size: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Side in pixels that images are resized to; as stored where empty.",
        json_schema_extra=unit("px"),
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
        json_schema_extra=unit("epochs"),
    )
    step_epochs: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Of the schedule step: multiply every so many epochs.",
        json_schema_extra=unit("epochs"),
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
        json_schema_extra=unit("epochs"),
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
