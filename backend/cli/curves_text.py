"""Curves as a table and as CSV: a row an epoch, or a step, and a column a metric."""

from collections.abc import Iterator
from typing import Any

from backend.cli.tables import number, print_table
from backend.contract import DENSE_SERIES, METRICS

NAMES = {"nan": "NaN", "inf": "Inf", "-inf": "-Inf"}
Series = dict[str, dict[str, Any]]
"""By name: "epochs" (or steps), the "values" there, and the names of those that are no numbers in "nonfinite"."""

NOTHING = {
    "epoch": "Nothing was measured yet.",
    "step": "No steps were kept so far; only a launch with `--set step_series=true` keeps them.",
}


def by_step(found: dict[str, dict[str, Any]]) -> Series:
    """Return series of steps, as the service gives them, in the shape of curves."""
    return {
        name: {
            "epochs": one["positions"],
            "values": one["values"],
            "nonfinite": {
                str(one["positions"][int(place)]): word for place, word in one["nonfinite"].items()
            },
        }
        for name, one in found.items()
    }


def print_curves(series: Series, by: str = "epoch") -> None:
    """Print the metrics that there are, in the order in which they are known."""
    names = _ordered(series)
    if not names:
        print(NOTHING[by])
        return
    print_table([f"{by}>", *(f"{name}>" for name in names)], _rows(series, names, number))


def csv_lines(series: Series, by: str = "epoch") -> Iterator[str]:
    """Yield CSV with a header. Numbers are exact, what is no number has its name, a gap is an empty cell."""
    names = _ordered(series)
    yield ",".join([by, *names])
    for row in _rows(series, names, lambda value: "" if value is None else repr(value)):
        yield ",".join(row)


def _ordered(series: Series) -> list[str]:
    known = [name for name in (*METRICS, *DENSE_SERIES) if name in series]
    return [*known, *sorted(series.keys() - set(known))]


def _rows(series: Series, names: list[str], shown: Any) -> Iterator[list[str]]:
    values = {name: dict(zip(one["epochs"], one["values"], strict=True)) for name, one in series.items()}
    for epoch in sorted({epoch for one in values.values() for epoch in one}):
        cells = [_nonfinite(series[name], epoch) or shown(values[name].get(epoch)) for name in names]
        yield [str(epoch), *cells]


def _nonfinite(one: dict[str, Any], epoch: int) -> str | None:
    found = one["nonfinite"].get(str(epoch))
    return found and NAMES.get(found, found)
