"""Fields that belong to a choice, and say nothing with another one. `backend.spec` refuses them there. Pure data."""

from collections.abc import Callable
from typing import Any

BELONGING: dict[str, dict[str, tuple[str, ...]]] = {
    "optimizer.name": {
        "optimizer.momentum": ("sgd",),
        "optimizer.nesterov": ("sgd",),
        "optimizer.beta1": ("adam", "adamw"),
        "optimizer.beta2": ("adam", "adamw"),
    },
    "schedule.name": {
        "schedule.step_epochs": ("step",),
        "schedule.gamma": ("step",),
        "schedule.warmup_epochs": ("constant", "step", "cosine"),
    },
}
"""A choice, and with which of its values each field means something."""

PATIENCE = "early_stopping.patience"
STOPPING = ("early_stopping.metric", "early_stopping.min_delta")
"""What means nothing without patience."""

DEPENDENT = frozenset([*(path for fields in BELONGING.values() for path in fields), *STOPPING])
"""All fields that say nothing with some choice."""


def choice_of(path: str) -> str:
    """Return the choice that a field belongs to."""
    return next((choice for choice, fields in BELONGING.items() if path in fields), PATIENCE)


def meaningless(value_of: Callable[[str], Any]) -> list[str]:
    """Return the paths of the fields that mean nothing in a spec, by what it chose."""
    found = [
        path
        for choice, fields in BELONGING.items()
        for path, values in fields.items()
        if value_of(choice) not in values
    ]
    return found + (list(STOPPING) if value_of(PATIENCE) is None else [])
