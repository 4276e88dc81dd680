"""What the fields of a spec may not be together, each in one sentence.

What a field may be by itself stands with its part; what depends on the catalog is checked in `backend.launching`.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from backend.belonging import choice_of, meaningless
from backend.errors import InvalidSpec
from backend.sentences import shown_value
from backend.spec_parts import OptimizerSpec, ScheduleSpec, WeightsSpec

if TYPE_CHECKING:  # `backend.spec` calls this module
    from backend.spec import Spec


def check_together(spec: Spec) -> None:
    """Refuse fields that contradict one another, or that mean nothing beside the others.

    Raises:
        InvalidSpec: which field, its value, what is allowed beside which.
    """
    _check_weights("model.weights", spec.model.weights)
    if spec.features:
        _check_features(spec)
    _check_training_of_weights(spec)
    _refuse_the_meaningless(spec)
    _check_optimizer(spec.optimizer)
    _check_schedule(spec.schedule, spec.epochs)
    _check_early_stopping(spec)


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
