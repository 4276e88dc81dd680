"""Times as people say them. Standard library only."""


def duration(seconds: float) -> str:
    """Return a time in the unit that fits it: "40 s", "12 min", "3.5 h", "4 days"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.0f} days"
