"""The raw output of a training as text, in the form in which the published report gives it."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

COLUMNS = {
    "train_loss": "training loss",
    "train_acc": "training accuracy",
    "test_acc": "testing accuracy",
}
GAP = "-"


def raw_output(
    title: str, recipe: str, spec: Mapping[str, Any], series: Mapping[str, Mapping[int, float]]
) -> str:
    """Return comment lines that say what was trained, then a line for each epoch with three decimals.

    `series` holds values by epoch for each metric; a value that is no number is written as NaN, Inf or -Inf,
    one that is missing as a gap.
    """
    said = [f"# {title}", f"# recipe: {recipe}", f"# seed: {spec['seed']}"]
    said += [f"# {path}: {value}" for path, value in _leaves(spec) if path != "seed" and value is not None]
    said.append(", ".join(["epoch", *COLUMNS.values()]))
    epochs = sorted({epoch for name in COLUMNS for epoch in series.get(name, {})})
    for epoch in epochs:
        said.append(", ".join([str(epoch), *(_cell(series.get(name, {}).get(epoch)) for name in COLUMNS)]))
    return "\n".join(said) + "\n"


def _leaves(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _cell(value: float | None) -> str:
    if value is None:
        return GAP
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return f"{value:.3f}"
