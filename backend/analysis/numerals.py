"""Numbers as they stand in sentences."""


def percent(share: float) -> str:
    """Return a share as "41.2%"."""
    return f"{100 * share:.1f}%"


def signed(value: float, decimals: int) -> str:
    """Return a number with its sign, "+49.8" or "−0.3"; one that rounds to zero has none."""
    text = f"{abs(value):.{decimals}f}"
    if float(text) == 0:
        return text
    return f"{'−' if value < 0 else '+'}{text}"


def counted(number: int, noun: str) -> str:
    """Return "1 image" or "2,000 images"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(parts: list[str]) -> str:
    """Return "a", "a and b", or "a, b and c"."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))
