"""How many values stand for one image where a regression is trained on features."""

from math import prod

from backend.catalog.models import NODES_AT_PIXELS, nodes
from backend.spec import FeaturesSpec

_UNLISTED_VALUES = 25_000
"""Features of one image at a node that is not listed: as many as ResNet-18 holds at its end at 224 px, 512 x 7 x 7."""

FEATURE_BATCH = {"cpu": 64, "cuda": 256}
"""Images that go through the frozen network at once; the engine's own numbers, held by a test."""


def feature_values(features: FeaturesSpec, pixels: int) -> float:
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
