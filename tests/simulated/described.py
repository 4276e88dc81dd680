"""A simulated run: what its rules may read, and what is wrong with it, known from how it was made."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from backend.analysis.findings.evidence import Evidence
from tests.simulated.images import Data
from tests.simulated.training import Settings, Trained, trained


@dataclass(frozen=True)
class Simulated:
    """`sick` is the sickness that was put in, None for a healthy run.

    `also` are further sicknesses that it has by the same fault (a network that answers one class knows nothing, too): naming them
    is right, and not asked for. `notes` are what is true of it and no sickness. `twin` is the run that it repeats.
    """

    name: str
    evidence: Evidence
    sick: str | None = None
    also: frozenset[str] = frozenset()
    notes: frozenset[str] = frozenset()
    twin: str | None = None


def chance_of(name: str) -> np.random.Generator:
    """Return the random numbers of one run: by its name, so that no other run changes them."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def evidence(
    data: Data, settings: Settings, found: Trained, spec: Mapping[str, Any] | None = None, **facts: Any
) -> Evidence:
    """Return what a run that was trained so has stored; `facts` are further fields of `Evidence`."""
    stored = Evidence(
        classes=data.classes,
        epochs_planned=settings.epochs,
        series=found.series,
        predicted=found.predicted,
        test_images=len(data.test.labels),
        largest_class=data.largest_class,
        spec={**spec_of(settings), **(spec or {})},
    )
    return replace(stored, **facts)


def run(data: Data, settings: Settings, chance: np.random.Generator, **facts: Any) -> Evidence:
    return evidence(data, settings, trained(chance, data, settings), **facts)


def spec_of(settings: Settings) -> dict[str, Any]:
    """Return the recipe as a run stores it. A loss with softmax twice by mistake says nothing of it."""
    first = settings.rate_at(1)
    return {
        "dataset": {"name": "simulated", "validation": 0.1 if settings.patience else 0.0},
        "model": {"arch": "softmax-regression" if not settings.hidden else "mlp"},
        "loss": {"name": "cross_entropy", "label_smoothing": settings.smoothing},
        "optimizer": {
            "name": "sgd",
            "lr": first,
            "momentum": settings.momentum,
            "weight_decay": settings.weight_decay,
        },
        "early_stopping": {"patience": settings.patience},
        "epochs": settings.epochs,
        "batch_size": settings.batch,
        "seed": 0,
    }
