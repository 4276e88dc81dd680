"""Simulated runs, sick and healthy, by which the rules of `backend.analysis.findings` are judged.

They are made from faults, not from what a rule looks for, and must not be fitted to any. `python -m tests.simulated.runs` lists them.
"""

import functools
import sys

from tests.simulated.described import Simulated
from tests.simulated.healthy import healthy
from tests.simulated.sick import sick

SHOWN = ("train_loss", "train_acc", "test_loss", "test_acc")


@functools.cache
def corpus() -> tuple[Simulated, ...]:
    """Return all runs, the same each time."""
    return (*sick(), *healthy())


def table(runs: tuple[Simulated, ...]) -> str:
    """Return a line for each run: what is wrong with it, its epochs, and its last values."""
    header = f"{'sick':15} {'classes':>7} {'epochs':>6} {'start':>9}  {'  '.join(f'{name:>10}' for name in SHOWN)}  run"
    return "\n".join([header, *map(_line, runs)])


def _line(run: Simulated) -> str:
    series = run.evidence.series
    last = (series[name][-1] if name in series else None for name in SHOWN)
    shown = "  ".join(f"{'' if value is None else f'{value:.4g}':>10}" for value in last)
    start = series["train_loss"][0]
    notes = f" ({', '.join(sorted(run.notes))})" if run.notes else ""
    return (
        f"{run.sick or '-':15} {run.evidence.classes:7} {run.evidence.epochs_done:6} {start or 0:9.4g}  {shown}  "
        f"{run.name}{notes}"
    )


if __name__ == "__main__":
    ill = sum(run.sick is not None for run in corpus())
    sys.stdout.write(f"{table(corpus())}\n{ill} sick, {len(corpus()) - ill} healthy\n")
