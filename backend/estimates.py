"""About how long a training takes, for people to decide by: right within a factor of two, not more.

A network's cost is its multiply-adds, which shrink with the image, and in training an optimiser's step over all its
parameters. Softmax regression computes next to nothing: it reads values. The constants are of two cores of a 2.5 GHz
Xeon; `tests/backend/test_estimates.py` names the speeds that they were fitted to.
"""

from math import prod

from backend.catalog.models import NODES_AT_PIXELS, SOFTMAX_REGRESSION, Model, models, nodes
from backend.contract import DeviceKind
from backend.readiness import Images
from backend.spec import FeaturesSpec, Spec

LONG_SECONDS = 3600.0
"""From here on a launch asks whether it is meant."""

_MACS_PER_SECOND = 60e9
_STEP_SECONDS = 0.09
_STEP_SECONDS_PER_PARAMETER = 3.2e-9
"""These three fitted at once to ten speeds of AlexNet, ResNet-18 and VGG16: none is missed by more than 31%."""

_START_SECONDS = 1.0
_START_SECONDS_PER_PARAMETER = 5e-8
"""To build a network and to write its checkpoint: 8 s were measured for VGG16, 3 s for AlexNet, 1 s for ResNet-18."""

_IMAGE_SECONDS = 3e-5
_VALUE_SECONDS = 1e-8
"""Softmax regression on one image, and on each value of it: measured with 512 to 100,352 values, batches of 256."""

_TRAINING_PASSES = 3
"""Forward, and backward for the weights and for the layer before: each costs as much."""

_UNLISTED_VALUES = 25_000
"""Features of one image at a node that is not listed: as many as ResNet-18 holds at its end at 224 px, 512 x 7 x 7."""

_GPU_SPEEDUP = 300.0
"""How many times as fast one H100 is. AN ESTIMATE, NOT MEASURED: 18 TMAC/s, less than a tenth of what it has in theory
(495 TFLOP/s of TF32, two to a multiply-add), since it often waits for memory and for the next small step."""


def seconds_for(
    spec: Spec,
    train_count: int,
    test_count: int,
    *,
    device: DeviceKind,
    stored_pixels: int = 32,
) -> float:
    """Return about how many seconds a training takes from its start to its end, without its parent's.

    `stored_pixels` is the side of the data set's images, which counts where the spec does not resize them.
    """
    pixels = spec.dataset.image_size or stored_pixels
    if spec.features:
        start, work = _of_network(models()[spec.features.arch], pixels, train_count + test_count)
        values = _feature_values(spec.features, pixels)
        work += _of_softmax_regression(values, spec.epochs * (train_count + test_count))
    elif spec.model.arch == SOFTMAX_REGRESSION:
        start = _START_SECONDS
        work = _of_softmax_regression(3 * pixels**2, spec.epochs * (train_count + test_count))
    else:
        start, work = _of_training(spec, models()[spec.model.arch], pixels, train_count, test_count)
    return start + (work if device == "cpu" else work / _GPU_SPEEDUP)


def seconds_on(spec: Spec, images: Images, device: DeviceKind) -> float:
    """Return about how many seconds a training on these images takes, or on those of them that its limits leave."""
    train_count = min(spec.dataset.train_limit or images.train_count, images.train_count)
    test_count = min(spec.dataset.test_limit or images.test_count, images.test_count)
    return seconds_for(spec, train_count, test_count, device=device, stored_pixels=images.pixels)


def _of_training(
    spec: Spec, model: Model, pixels: int, train_count: int, test_count: int
) -> tuple[float, float]:
    passes = _TRAINING_PASSES if spec.model.trained == "all" else 1
    parameters = model.parameters if spec.model.trained == "all" else 0
    start, work = _of_network(model, pixels, spec.epochs * (passes * train_count + test_count))
    steps = spec.epochs * -(-train_count // spec.batch_size)
    return start, work + steps * (_STEP_SECONDS + parameters * _STEP_SECONDS_PER_PARAMETER)


def _of_network(model: Model, pixels: int, images: int) -> tuple[float, float]:
    """Return the seconds before the first image, and those of sending so many images through once."""
    start = _START_SECONDS + model.parameters * _START_SECONDS_PER_PARAMETER
    return start, images * _macs(model, pixels) / _MACS_PER_SECOND


def _macs(model: Model, pixels: int) -> float:
    """Return the multiply-adds of one image: all but those on one vector of it grow with its area."""
    area = (pixels / NODES_AT_PIXELS) ** 2
    return 1e6 * (model.vector_mega_macs + (model.mega_macs - model.vector_mega_macs) * area)


def _of_softmax_regression(values: float, images: int) -> float:
    return images * (_IMAGE_SECONDS + values * _VALUE_SECONDS)


def _feature_values(features: FeaturesSpec, pixels: int) -> float:
    """Return about how many values stand for one image."""
    shape = (nodes(features.arch) or {}).get(features.node)
    if shape is None:
        return _UNLISTED_VALUES
    if len(shape) != 3:
        return prod(shape)
    channels, height, width = shape
    if features.pooling == "average":
        return channels
    return channels * max(1.0, height * width * (pixels / NODES_AT_PIXELS) ** 2)
