"""Evidence made by hand, for the tests of findings."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.finding import Finding
from backend.analysis.findings.registry import findings_of

LN_10 = math.log(10)
DOUBLED = math.log(math.e + 9)

SPEC: dict[str, Any] = {
    "dataset": {"name": "shapes", "augment": "none", "validation": 0.0},
    "model": {"arch": "alexnet"},
    "loss": {"name": "cross_entropy", "label_smoothing": 0.0},
    "optimizer": {"name": "sgd", "lr": 0.05, "momentum": 0.0, "weight_decay": 0.0},
    "schedule": {"name": "constant", "warmup_epochs": 0.0},
    "epochs": 10,
    "seed": 0,
}


def spec(**parts: Any) -> dict[str, Any]:
    """Return SPEC with fields changed: `optimizer={"lr": 0.1}` changes one field of a part."""
    changed = {**SPEC}
    for name, value in parts.items():
        changed[name] = {**SPEC.get(name, {}), **value} if isinstance(value, dict) else value
    return changed


def evidence(
    train_loss: Sequence[float | None] = (),
    train_acc: Sequence[float | None] = (),
    test_acc: Sequence[float | None] = (),
    test_loss: Sequence[float | None] = (),
    *,
    classes: int = 10,
    **others: Any,
) -> Evidence:
    columns: Mapping[str, Sequence[float | None]] = {
        "train_loss": train_loss,
        "train_acc": train_acc,
        "test_acc": test_acc,
        "test_loss": test_loss,
    }
    series = {name: list(values) for name, values in columns.items() if values}
    done = max((len(values) for values in series.values()), default=0)
    return Evidence(**{"classes": classes, "epochs_planned": done or 1, "series": series, **others})


def names(of: Evidence) -> list[str]:
    """Return the rules that find something, in order."""
    return [one.rule for one in findings_of(of)]


def sick(of: Evidence) -> list[str]:
    return [one.rule for one in findings_of(of) if one.severity == "sick"]


def found(of: Evidence, rule: str) -> Finding:
    """Return what a rule found; there is something."""
    (one,) = [one for one in findings_of(of) if one.rule == rule]
    return one
