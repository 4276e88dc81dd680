"""How long things took, in few words."""

import math
from collections.abc import Sequence


def quantile(seconds: Sequence[float], share: float) -> float:
    """Return the least of the values that is no smaller than `share` of them; of none, infinity."""
    if not seconds:
        return math.inf
    return sorted(seconds)[max(0, math.ceil(share * len(seconds)) - 1)]


def in_milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
