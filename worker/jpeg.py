"""Colour JPEG files decoded many at a time, by torchvision where it still can: two to three times as fast as PIL.

The pixels are the same (`tests/worker/test_jpeg.py`; seen on all images of two sets, see ARCHITECTURE.md).
"""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torchvision import io

# Deprecated since torchvision 0.29: it will be gone one day.
_DECODE = getattr(io, "decode_jpeg", None)


def decoded_together(files: Sequence[bytes]) -> list[np.ndarray] | None:
    """Return the images, height x width x 3, uint8; None where PIL must do it, and say which file is broken."""
    if _DECODE is None or not files:
        return None
    encoded = [torch.from_numpy(np.frombuffer(file, dtype=np.uint8).copy()) for file in files]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            images = _DECODE(encoded, mode=io.ImageReadMode.RGB)
        except RuntimeError:
            return None
    return [image_CHW.permute(1, 2, 0).numpy() for image_CHW in images]
