"""What is drawn in the generated set `glyphs`: ten signs that are none of the ten shapes.

A network trained on them first gives weights to fine-tune on `shapes`, as ImageNet's are for CIFAR-10.
"""

from collections.abc import Callable

import numpy as np

VERSION = 1
"""Rises with every change of what is drawn, here or in `generated`."""


def _box(u: np.ndarray, v: np.ndarray, half_width: float, half_height: float) -> np.ndarray:
    return np.minimum(half_width - abs(u), half_height - abs(v))


def _arrow(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    shaft = _box(u + 0.35, v, 0.55, 0.17)
    head = np.minimum(u - 0.05, 0.6 * (0.9 - u) - 0.8 * abs(v))
    return np.maximum(shaft, head)


def _house(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    walls = np.minimum(_box(u, v - 0.4, 0.6, 0.45), -_box(u, v - 0.7, 0.16, 0.35))
    roof = np.minimum(0.0 - v, 0.7 * (0.9 + v - abs(u)))
    return np.maximum(walls, roof)


# Signed distances as in `shapes`: u to the right, v down, over 0 is inside.
DRAWINGS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "arrow": _arrow,
    "grid": lambda u, v: np.minimum(
        _box(u, v, 0.85, 0.85), 0.12 * (np.maximum(np.cos(9 * u), np.cos(9 * v)) - 0.5)
    ),
    "heart": lambda u, v: 0.75 - np.hypot(u, v + 0.6 * np.sqrt(abs(u)) - 0.2),
    "hexagon": lambda u, v: 0.8 - np.maximum(0.866 * abs(u) + 0.5 * abs(v), abs(v)),
    "house": _house,
    "letter-h": lambda u, v: np.minimum(
        _box(u, v, 0.67, 0.85), np.maximum(0.17 - abs(abs(u) - 0.5), 0.17 - abs(v))
    ),
    "letter-l": lambda u, v: np.minimum(_box(u, v, 0.55, 0.85), np.maximum(-0.2 - u, v - 0.5)),
    "letter-t": lambda u, v: np.minimum(_box(u, v, 0.7, 0.85), np.maximum(0.17 - abs(u), -0.5 - v)),
    "spiral": lambda u, v: np.minimum(
        0.9 - np.hypot(u, v), 0.1 * np.cos(np.arctan2(v, u) - 10 * np.hypot(u, v))
    ),
    "wave": lambda u, v: np.minimum(0.95 - abs(u), 0.17 - 0.6 * abs(v - 0.45 * np.sin(4 * u))),
}
