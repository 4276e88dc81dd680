"""Comparison sentences, computed from two accuracies and never typed."""

from backend.analysis.numerals import signed


def compared(better: float, worse: float) -> str:
    """Return two accuracies in one sentence: "0.897 against 0.399: 2.25 times, +125%, +49.8 points"."""
    points = f"{signed(100 * (better - worse), 1)} points"
    pair = f"{better:.3f} against {worse:.3f}"
    if worse == 0:
        return f"{pair}: {points} (no ratio to 0)"
    return f"{pair}: {_times(better / worse)} times, {_gain(better, worse)}, {points}"


def remark_on(stated: str, better: float, worse: float, *, better_name: str, worse_name: str) -> str | None:
    """Return where a stated gain in percent says something else than the two numbers do; None where it is right.

    `stated` is text: its decimals say how exactly it was meant.
    """
    decimals = len(stated.partition(".")[2])
    if worse and _rounds_to(100 * (better / worse - 1), stated, decimals):
        return None
    if worse and _rounds_to(100 * better / worse, stated, decimals):
        return (
            f"The report says {stated}% greater; {_times(better / worse)} times is "
            f"{100 * (better / worse - 1):.{decimals}f}% greater."
        )
    implied = better / (float(stated) / 100)
    return (
        f"The report says {stated}% greater; {worse_name} contradicts it: it ends at {worse:.3f}, {better_name} "
        f"at {better:.3f}. Read as {float(stated) / 100:g} times, the sentence needs {implied:.3f} there."
    )


def _times(ratio: float) -> str:
    """Two decimals; three where two would hide the difference."""
    return f"{ratio:.3f}" if 0.9 < ratio < 1.1 and ratio != 1 else f"{ratio:.2f}"


def _gain(better: float, worse: float) -> str:
    gain = 100 * (better / worse - 1)
    return f"{signed(gain, 0 if abs(gain) >= 10 else 1)}%"


def _rounds_to(value: float, stated: str, decimals: int) -> bool:
    return f"{value:.{decimals}f}" == stated
