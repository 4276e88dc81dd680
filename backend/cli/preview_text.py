"""What a launch would be, as lines for a person."""

import json
from collections.abc import Iterator
from typing import Any

from backend.cli.tables import plain_lines
from backend.durations import duration, size

MOST_SHOWN = 20


def preview_lines(found: dict[str, Any]) -> Iterator[str]:
    """Yield how many runs there would be, what differs from what they start from, and what they lack."""
    yield _count(found)
    if found["differs"]:
        rows = [(one["path"], _shown(one["preset"]), _shown(one["value"])) for one in found["differs"]]
        yield from plain_lines(("field", "before", "here"), rows)
    yield from _runs(found["runs"])
    for parent in found["parents"]:
        yield f"brings along: {parent['name']}, seed {parent['seed']}"
    if found["run_seconds"] is not None:
        yield _estimate(found)
    if found["warning"]:
        yield f"warning: {found['warning']}"
    if found["needs_confirmation"]:
        yield f"{found['needs_confirmation']} (--confirm does)"
    for one in found["missing"]:
        yield f"missing: {one['sentence']} {one['command']}"


def _count(found: dict[str, Any]) -> str:
    runs = "1 run" if found["count"] == 1 else f"{found['count']} runs"
    recipes = f" of {found['recipes']} recipes" if found["recipes"] > 1 else ""
    seconds, workers = found["seconds"], found["workers"]
    how = "one after the other on" if workers == 1 else f"over {workers} workers, the first on"
    takes = "" if seconds is None else f", about {duration(seconds)} {how} {found['device']}"
    return f"{runs}{recipes}{takes}."


def _estimate(found: dict[str, Any]) -> str:
    shortest, longest = (duration(seconds) for seconds in found["run_seconds"])
    one = f"about {shortest}" if shortest == longest else f"about {shortest} to {longest}"
    there = found["device_memory_bytes"]
    of = "" if there is None else f" of {size(there)}"
    return f"each run: {one}, up to {size(found['memory_bytes'])}{of} of memory ({found['basis']})"


def _runs(runs: list[dict[str, Any]]) -> Iterator[str]:
    rows = [
        (
            run["name"],
            str(run["seed"]),
            ", ".join(f"{path}={_shown(value)}" for path, value in run["differs"].items()),
        )
        for run in runs[:MOST_SHOWN]
    ]
    yield from plain_lines(("name", "seed>", "differs"), rows)
    if len(runs) > MOST_SHOWN:
        yield f"and {len(runs) - MOST_SHOWN} more"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
