"""Times and sizes as people say them. Standard library only."""


def duration(seconds: float) -> str:
    """Return a time in the unit that fits it: "40 s", "12 min", "3.5 h", "4 days"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.0f} days"


def size(count: float) -> str:
    """Return a number of bytes in the unit that fits it: "250 MB", "20.1 GB"."""
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
