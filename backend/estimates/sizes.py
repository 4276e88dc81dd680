"""The numbers that an estimate of time and one of memory both begin with."""

from dataclasses import dataclass

from backend.readiness import Images
from backend.spec import Spec

CHANNELS = 3
"""Of all images: grey ones are repeated for a network, and softmax regression on them costs nearly nothing anyway."""


@dataclass(frozen=True)
class Sizes:
    """How many images there are of each kind in an epoch, and how large they are, as stored and as trained on."""

    trained: int
    validated: int
    tested: int
    pixels: int
    stored_pixels: int
    classes: int

    @property
    def is_resized(self) -> bool:
        return self.pixels != self.stored_pixels

    @property
    def image_values(self) -> int:
        return CHANNELS * self.pixels**2


def sizes_of(spec: Spec, images: Images) -> Sizes:
    """Return what a spec takes of these images."""
    there = min(spec.dataset.train_limit or images.train_count, images.train_count)
    validated = round(spec.dataset.validation * there)
    return Sizes(
        trained=there - validated,
        validated=validated,
        tested=min(spec.dataset.test_limit or images.test_count, images.test_count),
        pixels=spec.dataset.image_size or images.pixels,
        stored_pixels=images.pixels,
        classes=images.classes,
    )


def output_parameters(output_before: str, classes: int) -> int:
    """Return the parameters of the layer that is replaced, from what stands there in the library: "Linear(512, 1000)"."""
    inputs = int(output_before.partition("(")[2].partition(",")[0])
    return (inputs + 1) * classes
