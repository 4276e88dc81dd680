"""What one pass of a batch through a network consists of, in numbers that a device's speeds are multiplied with.

Both sides of an estimate speak these words: the worker that measures the speeds, and the service that uses them.
"""

from dataclasses import astuple, dataclass

from backend.catalog.models import NODES_AT_PIXELS, Model

CALIBRATION_VERSION = 1
"""Rises with every change of what is measured of a device: what was measured before is then measured anew."""


@dataclass(frozen=True)
class Work:
    """Of a pass through a network, forward alone or with the backward pass and the step.

    `parameters` are those that are read once a pass, `macs` multiply-adds and `values` activations of the whole batch.
    """

    layers: float
    parameters: float
    macs: float
    values: float

    def times(self, speeds: "Work") -> float:
        """Return the seconds that this takes where each unit of it takes what `speeds` says."""
        return sum(count * seconds for count, seconds in zip(astuple(self), astuple(speeds), strict=True))


@dataclass(frozen=True)
class LinearWork:
    """Of a batch through softmax regression. `resized` and `augmented` values are of images that are made so first."""

    steps: float
    parameters: float
    values: float
    resized: float
    augmented: float = 0.0

    def times(self, speeds: "LinearWork") -> float:
        return sum(count * seconds for count, seconds in zip(astuple(self), astuple(speeds), strict=True))


def work_of(model: Model, pixels: int, images: float) -> Work:
    """Return what a batch of so many images is; everything but one vector of an image grows with its area."""
    return Work(
        layers=model.layers,
        parameters=model.parameters,
        macs=images * macs(model, pixels),
        values=images * kept_values(model, pixels),
    )


def macs(model: Model, pixels: int) -> float:
    """Return the multiply-adds of one image: all but those on one vector of it grow with its area."""
    return 1e6 * (model.vector_mega_macs + (model.mega_macs - model.vector_mega_macs) * area(pixels))


def kept_values(model: Model, pixels: int) -> float:
    """Return the values that a forward pass keeps of one image for the backward one."""
    return 1e6 * model.kept_mega_values * area(pixels)


def area(pixels: int) -> float:
    """Return the area of an image as a share of the one that the catalog's numbers are of."""
    return (pixels / NODES_AT_PIXELS) ** 2
