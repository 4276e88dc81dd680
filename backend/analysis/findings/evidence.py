"""What rules may read of a run: stored numbers, and what was planned. No rule sees more than this.

Metrics are those of `backend.contract`. NaN and infinities are values; None is a gap, a number that could not be read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Evidence:
    """One run, or one published table, as far as it has come."""

    classes: int
    epochs_planned: int
    series: Mapping[str, Sequence[float | None]]
    """Values by name of metric, of epochs 1, 2, ... in order: train_loss, train_acc, test_loss, test_acc, val_loss ..."""
    predicted: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """By epoch: how many test images each class was predicted for. Empty where no predictions were kept."""
    test_images: int | None = None
    largest_class: float | None = None
    """Share of the test images that belong to the most frequent class; None where it is not known (then 1/classes)."""
    ended: bool = True
    """Whether the run is over: some rules must not speak of a run that may still get better."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    """The run's spec as JSON; {} for a published table."""
    seconds_per_epoch: float | None = None
    expected_seconds_per_epoch: float | None = None
    """By the calibration of the device that it ran on; None where there is none."""
    name: str = ""
    """What sentences over several runs call it: "run 12", "Table 3.1"; its place among them where it is empty."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What it ran on, as its environment was stored: data_hash, torch, ...; {} for a published table."""

    @property
    def epochs_done(self) -> int:
        return max((len(values) for values in self.series.values()), default=0)
