"""The sizes of the quick report: they follow from a time fixed beforehand and from speeds, never from an accuracy.

The report is given 5 minutes on generated images and 20 on real ones, on two cores, pretraining included. What is
left after the fixed costs is shared out; each training takes as many images as its share pays for.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from backend.catalog.presets import preset

GENERATED_BUDGET_SECONDS = 300.0
REAL_BUDGET_SECONDS = 1200.0

_USED = 0.75
"""Share of the budget that is planned with: a laptop that does other things as well keeps within it too."""
_FIXED_SECONDS = 30.0
"""Starts and ends of some twenty runs, the making of features, regressions on them: measured together."""
_TEST_IMAGES = {True: 200, False: 500}
"""By whether the images are generated; the same for all experiments, so that their accuracies can be compared."""


@dataclass(frozen=True)
class Speed:
    """Images a second on two cores of a 2.5 GHz Xeon at the quick size: measured once, on a quiet machine."""

    train: float
    evaluate: float
    start_seconds: float
    """To build the network and to write its checkpoint."""


SPEEDS = {
    "alexnet": Speed(train=90, evaluate=650, start_seconds=3),  # 64 px, batch 32
    "resnet18": Speed(train=148, evaluate=1600, start_seconds=1),  # 32 px, batch 32
    "vgg16": Speed(train=20, evaluate=120, start_seconds=8),  # 32 px, batch 32
}

SHARES = {
    "alexnet-from-scratch": 0.16,
    "alexnet-pretrained": 0.10,
    "alexnet-fine-tuned": 0.16,
    "resnet18-pretrained": 0.10,
    "resnet18-fine-tuned": 0.14,
    "vgg16-pretrained": 0.12,
    "vgg16-fine-tuned": 0.22,
}
"""Of the time for networks. VGG16 gets most and still only a few steps: it has 138 million parameters."""

BATCH_SIZE = 32


@dataclass(frozen=True)
class QuickSizes:
    """Numbers of images by preset; the regressions of section 3 see the images that their ResNet-18 saw."""

    train_limits: dict[str, int]
    test_limit: int

    def changes(self, name: str) -> dict[str, Any]:
        """Return what the quick size changes in a preset."""
        train_limit = self.train_limits.get(name, self.train_limits["resnet18-fine-tuned"])
        return {
            "dataset": {"train_limit": train_limit, "test_limit": self.test_limit},
            "batch_size": BATCH_SIZE,
        }


def budget_seconds(*, generated: bool) -> float:
    """Return the time that the quick report may take on two cores."""
    return GENERATED_BUDGET_SECONDS if generated else REAL_BUDGET_SECONDS


@cache
def quick_sizes(*, generated: bool) -> QuickSizes:
    """Return how many images each training sees."""
    seconds = budget_seconds(generated=generated) * _USED - _FIXED_SECONDS
    test_limit = _TEST_IMAGES[generated]
    limits = {name: _train_limit(name, share * seconds, test_limit) for name, share in SHARES.items()}
    return QuickSizes(limits, test_limit)


def _train_limit(name: str, seconds: float, test_limit: int) -> int:
    """Return as many whole batches as the time pays for, one at least."""
    table = preset(name).tables["quick"]
    speed, epochs = SPEEDS[table["model"]["arch"]], table["epochs"]
    training_seconds = seconds - speed.start_seconds - epochs * test_limit / speed.evaluate
    return max(1, int(training_seconds * speed.train / epochs / BATCH_SIZE)) * BATCH_SIZE
