"""Seeds as they are typed."""

import re

import typer

from backend.contract import MAX_RUNS


def parse_seeds(text: str | None) -> list[int] | None:
    """Return the whole numbers of "0,1,2", of "0-4" (both ends included) or of "0-2,7"; None for None."""
    if text is None:
        return None
    found: list[int] = []
    for part in text.split(","):
        found += _range(part.strip(), text)
    return found


def _range(part: str, text: str) -> list[int]:
    ends = re.fullmatch(r"(\d+)-(\d+)", part, re.ASCII)
    if ends is None:
        if not re.fullmatch(r"[+-]?\d+", part, re.ASCII):
            raise typer.BadParameter(
                f"--seeds is {text!r}; it must be whole numbers with commas, or a range, such as 0,1,2 or 0-4."
            )
        return [int(part)]
    first, last = int(ends[1]), int(ends[2])
    # Here as well as in the service: a range of billions must not fill the memory first.
    if not first <= last < first + MAX_RUNS:
        raise typer.BadParameter(f"--seeds holds {part}; a range goes up, over {MAX_RUNS} seeds at most.")
    return list(range(first, last + 1))
