"""Comparison sentences, computed from two accuracies and never typed."""

from backend.analysis.numerals import signed


def compared(better: float, worse: float) -> str:
    """Return two accuracies in one sentence: "0.897 against 0.399: 2.25 times, +125%, +49.8 points"."""
    points = f"{signed(100 * (better - worse), 1)} points"
    pair = f"{better:.3f} against {worse:.3f}"
    if worse == 0:
        return f"{pair}: {points} (no ratio to 0)"
    return f"{pair}: {_times(better / worse)} times, {_gain(better, worse)}, {points}"


def remark_on(stated: str, better: float, worse: float, *, better_name: str, worse_name: str) -> str:
    """Return whether a stated gain in percent is right, and if not, what the two numbers say.

    `stated` is text: its decimals say how exactly it was meant.
    """
    decimals = len(stated.partition(".")[2])
    if worse and _rounds_to(100 * (better / worse - 1), stated, decimals):
        return f"{stated}% is right, as a relative gain."
    if not is_contradicted(stated, better, worse):
        return (
            f"The report says {stated}% greater; {_times(better / worse)} times is "
            f"{100 * (better / worse - 1):.{decimals}f}% greater: it took the ratio for the gain."
        )
    return (
        f"The report says {stated}% greater; {worse_name} contradicts it: it ends at {worse:.3f}, {better_name} "
        f"at {better:.3f}. Read as {float(stated) / 100:g} times, the sentence needs {implied(stated, better):.3f} there."
    )


def stated_otherwise(stated: str, better: float, worse: float) -> str | None:
    """Return how a measured gain differs from the stated one; None where it rounds to it, or there is no ratio."""
    if worse == 0:
        return None
    decimals = len(stated.partition(".")[2])
    gain = 100 * (better / worse - 1)
    if _rounds_to(gain, stated, decimals):
        return None
    which = "greater" if gain >= 0 else "less"
    away = signed(gain - float(stated), decimals)
    return f"The report says {stated}% greater; measured it is {abs(gain):.{decimals}f}% {which}: {away} percentage points."


def is_contradicted(stated: str, better: float, worse: float) -> bool:
    """Say whether a stated gain in percent is neither the gain nor, as often confused, the ratio."""
    decimals = len(stated.partition(".")[2])
    meanings = (better / worse - 1, better / worse) if worse else ()
    return not any(_rounds_to(100 * meaning, stated, decimals) for meaning in meanings)


def implied(stated: str, better: float) -> float:
    """Return the accuracy that the worse one must have for a stated percentage to be the ratio of the two."""
    return better / (float(stated) / 100)


def _times(ratio: float) -> str:
    """Two decimals; three where two would hide the difference."""
    return f"{ratio:.3f}" if 0.9 < ratio < 1.1 and ratio != 1 else f"{ratio:.2f}"


def _gain(better: float, worse: float) -> str:
    gain = 100 * (better / worse - 1)
    return f"{signed(gain, 0 if abs(gain) >= 10 else 1)}%"


def _rounds_to(value: float, stated: str, decimals: int) -> bool:
    return f"{value:.{decimals}f}" == stated
