"""Numbers as the pages write them: the same roundings as frontend/format.js and its neighbours, which a test holds side by side."""

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

MISSING = "—"
UNREADABLE = "·"
"""What stands in a published cell that cannot be read: never a zero."""
NOT_FINITE = {"nan": "NaN", "inf": "∞", "-inf": "−∞"}
"""How a value is written that is no number, by the API's word for it."""


MARKS = {
    "reproduced": "✓",
    "below": "↓",
    "better": "↑",
    "protocol differs": "≠",
    "not enough seeds": "n<3",
    "not a number": "NaN",
}
"""What stands for a verdict where there is no room for its words."""
LEGEND = (
    "Δ is measured less published, in points for accuracies and nats for losses; behind it the verdict: ✓ reproduced, "
    "↓ below, ↑ better, ≠ protocol differs, n<3 not enough seeds. Measured is the mean over n seeds ± half of its 95% "
    "interval."
)


def word(name: str) -> str:
    """Return what stands for a value that is no number."""
    return NOT_FINITE.get(name, name)


def fixed(value: float, decimals: int) -> str:
    """Return what JavaScript's toFixed gives: a half goes away from zero, where Python's format takes the even one."""
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    text = f"{rounded:f}"
    return text if value < 0 else text.removeprefix("-")  # toFixed knows no negative zero


def exponential(value: float) -> str:
    """Return what JavaScript's toExponential(1) gives: "3.1e-5"."""
    if value == 0:
        return "0.0e+0"
    exact = Decimal(value)
    power = exact.adjusted()
    digits = exact.scaleb(-power).quantize(Decimal("0.1"), ROUND_HALF_UP)
    if abs(digits) >= 10:
        digits, power = (digits / 10).quantize(Decimal("0.1")), power + 1
    return f"{digits}e{power:+d}"


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def percent(share: float | None) -> str:
    """Return 0.9486 as "94.9"; the unit stands in the head of the column."""
    return MISSING if share is None else fixed(share * 100, 1)


def loss(value: float | None) -> str:
    if value is None:
        return MISSING
    if value != 0 and abs(value) < 0.001:
        return exponential(value)
    return fixed(value, 3 if abs(value) < 100 else 0)


def shown(metric: str, value: float | None) -> str:
    """Return a loss or a share as its column shows it."""
    return percent(value) if metric.endswith("acc") else loss(value)


def count(value: float | None) -> str:
    return MISSING if value is None else f"{int(fixed(value, 0)):,}"


def signed_points(delta: float | None) -> str:
    """Return "+0.3" or "−0.6"; what rounds to zero has no sign."""
    return _signed(delta, 1)


def _signed(delta: float | None, decimals: int) -> str:
    if delta is None:
        return MISSING
    size = fixed(abs(delta), decimals)
    return size if float(size) == 0 else f"{'−' if delta < 0 else '+'}{size}"


def difference(metric: str, delta: float | None) -> str:
    """Return "+0.3" points of an accuracy, "−0.012" nats of a loss; what rounds to zero has no sign."""
    return signed_points(delta) if metric.endswith("acc") else _signed(delta, 3)


def short(value: float | None) -> str:
    """Return a number of any size in a short form: "0.92", "1,240", "3.1e-5"."""
    if value is None:
        return MISSING
    if value != 0 and abs(value) < 0.001:
        return exponential(value)
    return count(value) if abs(value) >= 100 else f"{_three_digits(value):g}"


def _three_digits(value: float) -> float:
    if value == 0:
        return 0.0
    exact = Decimal(value)
    return float(exact.quantize(Decimal(1).scaleb(exact.adjusted() - 2), ROUND_HALF_UP))


def duration(seconds: float | None) -> str:
    """Return "33 ms", "38 s", "3 m 02 s" or "1 h 04 m"."""
    if seconds is None or seconds < 0:
        return MISSING
    if seconds < 0.95:
        return f"{fixed(seconds * 1000, 0)} ms"
    if seconds < 9.95:
        return f"{fixed(seconds, 1)} s"
    whole = int(fixed(seconds, 0))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} m"


def accuracy(found: dict[str, Any]) -> str:
    """Return the accuracy of a recipe with how sure it is, in percent: "41.2 ± 0.8", "41.2 (40.2–42.2)", "41.2, 42.0".

    Mean and half-width over seeds; of one run its Wilson interval; of two seeds both values.
    """
    kind, mean, low, high = (found[name] for name in ("kind", "mean", "low", "high"))
    if mean is None:
        return MISSING
    if kind == "two":
        return ", ".join(percent(value) for value in found["values"])
    if low is None or high is None:
        return percent(mean)
    if kind == "wilson":
        return f"{percent(mean)} ({percent(low)}–{percent(high)})"
    return f"{percent(mean)} {_spread(found['values'], (high - low) / 2)}"


def over_seeds(metric: str, cell: dict[str, Any]) -> str:
    """Return what several seeds have at one place of a table: "61.2 ± 0.8", of two seeds both values."""
    if cell["kind"] == "not a number":
        return NOT_FINITE["nan"]
    if cell["kind"] == "two":
        return ", ".join(shown(metric, value) for value in cell["values"])
    half = cell["half"]
    if half is None:
        return shown(metric, cell["mean"])
    spread = fixed(100 * half, 1) if metric.endswith("acc") else loss(half)
    return f"{shown(metric, cell['mean'])} ± {spread}"


def points(share: float) -> str:
    """Return half of an interval of a share, with one decimal; two where one would show none."""
    return fixed(100 * share, 2 if share < 0.0005 else 1)


def _spread(values: Sequence[float], half: float) -> str:
    if len(set(values)) < 2:
        return "(no spread)"
    return f"± {points(half)}"
