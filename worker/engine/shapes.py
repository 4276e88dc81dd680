"""What is drawn in the generated set `shapes`: ten plain shapes, for a first look and for tests."""

from collections.abc import Callable

import numpy as np

VERSION = 1
"""Rises with every change of what is drawn, here or in `generated`."""

# Each maps u (right) and v (down), with the shape within about -1 to 1, to a signed distance: over 0 is inside.
DRAWINGS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "circle": lambda u, v: 0.85 - np.hypot(u, v),
    "square": lambda u, v: 0.75 - np.maximum(abs(u), abs(v)),
    "triangle": lambda u, v: 0.45 - np.maximum(v, 0.866 * abs(u) - 0.5 * v),
    "cross": lambda u, v: np.minimum(0.9 - np.maximum(abs(u), abs(v)), 0.28 - np.minimum(abs(u), abs(v))),
    "ring": lambda u, v: 0.2 - abs(np.hypot(u, v) - 0.7),
    "star": lambda u, v: 0.55 + 0.35 * np.cos(5 * np.arctan2(u, -v)) - np.hypot(u, v),
    "diamond": lambda u, v: 0.9 - 1.4 * abs(u) - abs(v),
    "bars": lambda u, v: np.minimum(0.85 - np.maximum(abs(u), abs(v)), 0.12 * np.cos(9 * v)),
    "crescent": lambda u, v: np.minimum(0.9 - np.hypot(u, v), np.hypot(u - 0.45, v) - 0.65),
    "checker": lambda u, v: np.minimum(
        0.85 - np.maximum(abs(u), abs(v)), np.sign(u * v) * np.minimum(abs(u), abs(v))
    ),
}
