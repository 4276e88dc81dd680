"""About how much memory a training needs at its fullest, on the device that it trains on.

On a CPU the images stay in their file, whose pages the system takes back where it needs them: they do not count. On a GPU
they lie in its memory where they take no more than half of it.
"""

from dataclasses import dataclass

from backend.catalog.models import SOFTMAX_REGRESSION, Model, models
from backend.catalog.workloads import area, kept_values
from backend.estimates.features import FEATURE_BATCH, feature_values
from backend.estimates.sizes import CHANNELS, Sizes, output_parameters, sizes_of
from backend.estimates.speeds import Speeds
from backend.readiness import Images
from backend.spec import Spec

_FLOAT_BYTES = 4
_SHARE_FOR_IMAGES = 0.5
"""The engine's own rule: a set that takes a larger share of a GPU's free memory stays on the host."""
_CUDA_BYTES = 600 * 2**20
"""What CUDA and its libraries take of a GPU for one process: AN ESTIMATE, NOT MEASURED."""


@dataclass(frozen=True)
class _Network:
    """What a training keeps of its network. Values of one image are `kept` for the backward pass, `widest` at once."""

    parameters: float
    trained: float
    kept: float
    widest: float


def memory_bytes(spec: Spec, images: Images, speeds: Speeds, there_bytes: int | None = None) -> int:
    """Return about how many bytes a training has at its fullest; `there_bytes` are those that a GPU has."""
    sizes = sizes_of(spec, images)
    network = _network(spec, sizes)
    lasting = network.parameters + network.trained * (1 + _states(spec))  # weights, gradients, optimizer
    if spec.ema:
        lasting += network.parameters
    phases = [
        _training_values(spec, sizes, network, speeds),
        _evaluation_values(spec, sizes, network, speeds),
        _saving_values(spec, network, speeds),
    ]
    needed = _FLOAT_BYTES * (lasting + _buffer_values(spec, sizes, speeds) + max(phases))
    if spec.features:
        needed = max(needed, _making_bytes(spec, sizes, speeds))
    at_all = speeds.process_bytes if speeds.kind == "cpu" else _CUDA_BYTES
    return int(at_all + needed + _images_on_device(spec, sizes, speeds, there_bytes))


def saved_bytes(spec: Spec, sizes: Sizes) -> float:
    """Return the bytes of one checkpoint."""
    network = _network(spec, sizes)
    averaged = network.parameters if spec.ema else 0.0
    return _FLOAT_BYTES * (network.parameters + averaged + network.trained * _states(spec))


def _network(spec: Spec, sizes: Sizes) -> _Network:
    if spec.features or spec.model.arch == SOFTMAX_REGRESSION:
        values = feature_values(spec.features, sizes.pixels) if spec.features else sizes.image_values
        parameters = (values + 1) * sizes.classes
        return _Network(parameters, parameters, kept=0.0, widest=0.0)
    model = models()[spec.model.arch]
    parameters = _with_own_output(model, sizes.classes)
    widest = _widest(model, sizes.pixels)
    if spec.model.trained == "all":
        return _Network(parameters, parameters, kept_values(model, sizes.pixels), widest)
    return _Network(parameters, output_parameters(model.output_before, sizes.classes), 0.0, widest)


def _with_own_output(model: Model, classes: int) -> float:
    """Return the parameters with the new output layer; the catalog's are with the library's of 1000 units."""
    before = model.output_before
    return model.parameters - output_parameters(before, 1000) + output_parameters(before, classes)


def _widest(model: Model, pixels: int) -> float:
    return 1e6 * model.widest_mega_values * area(pixels)


def _states(spec: Spec) -> int:
    """Return how many values the optimizer keeps of each parameter that is trained."""
    if spec.optimizer.name != "sgd":
        return 2
    return 1 if spec.optimizer.momentum else 0


def _training_values(spec: Spec, sizes: Sizes, network: _Network, speeds: Speeds) -> float:
    images = min(spec.batch_size, sizes.trained) / _sharing(spec, speeds)
    changed = 0.0 if spec.dataset.augment == "none" else sizes.image_values
    return images * (network.kept + network.widest + changed)


def _evaluation_values(spec: Spec, sizes: Sizes, network: _Network, speeds: Speeds) -> float:
    images = min(spec.eval_batch_size, max(sizes.tested, sizes.validated)) / _sharing(spec, speeds)
    return images * network.widest


def _saving_values(spec: Spec, network: _Network, speeds: Speeds) -> float:
    """Return the copies that a checkpoint is written from: on a CPU, as those of a GPU's network lie on its host."""
    if speeds.kind != "cpu":
        return 0.0
    return network.parameters * (2 if spec.ema else 1)


def _buffer_values(spec: Spec, sizes: Sizes, speeds: Speeds) -> float:
    """Return the values of the batches that are made in place: of each half of the data one, of its largest size."""
    values = feature_values(spec.features, sizes.pixels) if spec.features else sizes.image_values
    images = min(spec.batch_size, sizes.trained) + min(spec.eval_batch_size, sizes.tested)
    return values * (images + min(spec.eval_batch_size, sizes.validated)) / _sharing(spec, speeds)


def _making_bytes(spec: Spec, sizes: Sizes, speeds: Speeds) -> float:
    """Return what the frozen network takes while features are made."""
    assert spec.features
    model = models()[spec.features.arch]
    images = FEATURE_BATCH[speeds.kind]
    values = feature_values(spec.features, sizes.pixels)
    # The images of both halves; and the vectors once more in double precision, twice, for their statistics.
    batch = images * (_widest(model, sizes.pixels) + 2 * sizes.image_values + 5 * values)
    return _FLOAT_BYTES * (model.parameters + batch)


def _images_on_device(spec: Spec, sizes: Sizes, speeds: Speeds, there_bytes: int | None) -> float:
    if speeds.kind == "cpu":
        return 0.0
    images = sizes.trained + sizes.validated + sizes.tested
    if spec.features:
        stored = images * feature_values(spec.features, sizes.pixels) * _FLOAT_BYTES
    else:
        stored = images * CHANNELS * sizes.stored_pixels**2
    return stored if there_bytes is None or stored <= _SHARE_FOR_IMAGES * there_bytes else 0.0


def _sharing(spec: Spec, speeds: Speeds) -> int:
    """Return how many devices share a batch; processes on one CPU share its memory too."""
    return spec.devices if speeds.kind == "cuda" else 1
