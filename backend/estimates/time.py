"""About how long a training takes, from its start to its end, without its parent's.

A network's cost is that of its batches (`backend.catalog.workloads`), its optimizer's step over all its parameters,
and its checkpoints. Softmax regression computes next to nothing: it reads values. All epochs are counted, also those
that early stopping may save.
"""

from math import ceil

from backend.catalog.models import SOFTMAX_REGRESSION, Model, models
from backend.catalog.workloads import LinearWork, Work, work_of
from backend.estimates.features import FEATURE_BATCH, feature_values
from backend.estimates.memory import saved_bytes
from backend.estimates.sizes import Sizes, output_parameters, sizes_of
from backend.estimates.speeds import Speeds
from backend.readiness import Images
from backend.spec import Spec

LONG_SECONDS = 3600.0
"""From here on a launch asks whether it is meant."""

CHECKPOINT_SECONDS = 30.0
"""About how often a checkpoint is written: the setting's default."""

_MIXED = 2.0
"""Mixup draws a partner for each image and blends the two: twice the values that other changes touch."""


def seconds_on(spec: Spec, images: Images, speeds: Speeds) -> float:
    """Return about how many seconds a training on these images takes, or on those of them that its limits leave."""
    sizes = sizes_of(spec, images)
    epochs = spec.epochs * _epoch(spec, sizes, speeds)
    return _beginning(spec, sizes, speeds) + epochs + _of_saving(spec, sizes, epochs, speeds)


def epoch_seconds_on(spec: Spec, images: Images, speeds: Speeds) -> float:
    """Return about how many seconds one epoch takes, evaluation included; features are there already."""
    return _epoch(spec, sizes_of(spec, images), speeds)


def _epoch(spec: Spec, sizes: Sizes, speeds: Speeds) -> float:
    if spec.features:
        values = feature_values(spec.features, sizes.pixels)
        return speeds.epoch + _linear_epoch(spec, sizes, values, speeds, resized=0.0)
    if spec.model.arch == SOFTMAX_REGRESSION:
        resized = sizes.image_values if sizes.is_resized else 0.0
        return speeds.epoch + _linear_epoch(spec, sizes, sizes.image_values, speeds, resized=resized)
    return speeds.epoch + _network_epoch(spec, sizes, models()[spec.model.arch], speeds)


def _beginning(spec: Spec, sizes: Sizes, speeds: Speeds) -> float:
    if spec.features:
        model = models()[spec.features.arch]
        return _start(model, speeds) + _of_making_features(spec, sizes, model, speeds)
    if spec.model.arch == SOFTMAX_REGRESSION:
        return speeds.start
    return _start(models()[spec.model.arch], speeds)


def _start(model: Model, speeds: Speeds) -> float:
    return speeds.start + model.parameters * speeds.start_parameter


def _network_epoch(spec: Spec, sizes: Sizes, model: Model, speeds: Speeds) -> float:
    steps = ceil(sizes.trained / spec.batch_size)
    whole = spec.model.trained == "all"
    # What is frozen has a forward pass alone.
    per_unit = speeds.training if whole else speeds.evaluation
    batch = work_of(model, sizes.pixels, sizes.trained / steps / _sharing(spec, speeds))
    trained = model.parameters if whole else output_parameters(model.output_before, sizes.classes)
    training = _in_precision(spec, speeds, batch, per_unit) + trained * _per_parameter(spec, speeds)
    changed = _changed_values(spec, sizes) * speeds.linear_training.augmented
    evaluated = [
        _evaluation(spec, sizes.pixels, count, spec.eval_batch_size, model, speeds)
        for count in (sizes.validated, sizes.tested)
    ]
    return steps * training + changed + sum(evaluated)


def _evaluation(spec: Spec, pixels: int, images: int, batch_size: int, model: Model, speeds: Speeds) -> float:
    if not images:
        return 0.0
    batches = ceil(images / batch_size)
    batch = work_of(model, pixels, images / batches / _sharing(spec, speeds))
    return batches * _in_precision(spec, speeds, batch, speeds.evaluation)


def _in_precision(spec: Spec, speeds: Speeds, batch: Work, per_unit: Work) -> float:
    factor = speeds.precisions.get(spec.precision, 1.0)
    dearer = Work(batch.layers, batch.parameters, batch.macs * factor, batch.values * factor)
    return dearer.times(per_unit)


def _sharing(spec: Spec, speeds: Speeds) -> int:
    """Return how many devices share a batch: processes on one CPU share its cores, and gain nothing."""
    return spec.devices if speeds.kind == "cuda" else 1


def _per_parameter(spec: Spec, speeds: Speeds) -> float:
    """Return the seconds of a step for one trained parameter, beyond those of plain SGD."""
    seconds = 0.0
    if spec.optimizer.name != "sgd":
        seconds += speeds.optimizers.adam
    elif spec.optimizer.momentum:
        seconds += speeds.optimizers.momentum
    return seconds + (speeds.optimizers.average if spec.ema else 0.0)


def _changed_values(spec: Spec, sizes: Sizes) -> float:
    if spec.dataset.augment == "none":
        return 0.0
    share = 1.0 + _MIXED if spec.dataset.augment == "mixup" else 1.0
    return share * sizes.trained * sizes.image_values


def _linear_epoch(spec: Spec, sizes: Sizes, values: float, speeds: Speeds, *, resized: float) -> float:
    steps = ceil(sizes.trained / spec.batch_size)
    parameters = (values + 1) * sizes.classes
    training = LinearWork(
        steps=steps,
        parameters=steps * parameters,
        values=sizes.trained * values,
        resized=sizes.trained * resized,
        augmented=0.0 if spec.features else _changed_values(spec, sizes),
    )
    tested = sizes.validated + sizes.tested
    evaluation = LinearWork(
        steps=ceil(tested / spec.eval_batch_size),
        parameters=0.0,
        values=tested * values,
        resized=tested * resized,
    )
    stepping = steps * parameters * _per_parameter(spec, speeds)
    return training.times(speeds.linear_training) + stepping + evaluation.times(speeds.linear_evaluation)


def _of_making_features(spec: Spec, sizes: Sizes, model: Model, speeds: Speeds) -> float:
    """Return the seconds of one pass of all images through the frozen network: features that are there cost none."""
    images = sizes.trained + sizes.validated + sizes.tested
    passed = _evaluation(spec, sizes.pixels, images, FEATURE_BATCH[speeds.kind], model, speeds)
    assert spec.features
    written = images * feature_values(spec.features, sizes.pixels)
    return passed + written * speeds.linear_evaluation.values


def _of_saving(spec: Spec, sizes: Sizes, seconds: float, speeds: Speeds) -> float:
    times = 1 + min(seconds / CHECKPOINT_SECONDS, spec.epochs)
    return times * saved_bytes(spec, sizes) * speeds.saved_byte
