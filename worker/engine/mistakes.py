"""The wrongly classified images that a network was surest of: which ones, how sure it was, and their pictures.

Shapes: N images of the test set as it is tested, M of them wrong, H height, W width, C channels.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

MOST = 48
LONGEST_SIDE_PIXELS = 96


@dataclass(frozen=True)
class Mistakes:
    """The surest first. `pictures` are PNGs by number, of those of `images` whose picture was not given before."""

    images: list[int]
    """Numbers in the test set as it is tested: places in its labels."""
    probabilities: list[float]
    """What the network gave the class that it predicted, in [0, 1]."""
    pictures: dict[int, bytes]


class Album:
    """The test images as they lie in the data set. Each picture is given once."""

    def __init__(
        self,
        images_NHWC: np.ndarray,
        positions_N: np.ndarray,
        labels_N: np.ndarray,
        tell: Callable[[str], None],
    ) -> None:
        """`positions_N` are the places in `images_NHWC` (uint8) of what is tested, `labels_N` its true classes."""
        self._images_NHWC = images_NHWC
        self._positions_N = positions_N
        self._labels_N = labels_N
        self._tell = tell
        self._given: set[int] = set()

    def mistakes(self, predicted_N: np.ndarray, probability_N: np.ndarray) -> Mistakes:
        """Return what was predicted wrongly and with the highest probability."""
        numbers = surest(predicted_N, probability_N, self._labels_N).tolist()
        probabilities = [round(float(probability_N[number]), 6) for number in numbers]
        new = [number for number in numbers if number not in self._given]
        self._given.update(new)
        drawn = {number: self._picture(number) for number in new}
        return Mistakes(numbers, probabilities, {number: png for number, png in drawn.items() if png})

    def _picture(self, number: int) -> bytes | None:
        try:
            return as_png(self._images_NHWC[self._positions_N[number]])
        # What PIL raises for an array that it takes for no image, or cannot write: no training ends for want of a picture.
        except (ValueError, TypeError, OSError) as problem:
            self._tell(f"warning: test image {number} cannot be shown: {type(problem).__name__}: {problem}")
            return None


def surest(
    predicted_N: np.ndarray, probability_N: np.ndarray, labels_N: np.ndarray, most: int = MOST
) -> np.ndarray:
    """Return the numbers of the wrong ones by falling probability, of equals the lower number first; `most` at most.

    Where the network gave no finite numbers it was sure of nothing: such an image is not among them.
    """
    wrong_M = np.flatnonzero((predicted_N != labels_N) & np.isfinite(probability_N))
    return wrong_M[np.argsort(-probability_N[wrong_M], kind="stable")][:most]


def as_png(image_HWC: np.ndarray) -> bytes:
    """Return a uint8 image of one or three channels as PNG, made smaller where it is larger than people need."""
    image = Image.fromarray(image_HWC[:, :, 0] if image_HWC.shape[2] == 1 else image_HWC)
    image.thumbnail((LONGEST_SIDE_PIXELS, LONGEST_SIDE_PIXELS))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
