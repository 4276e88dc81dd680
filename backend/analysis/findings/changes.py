"""Changes of a spec that findings propose. None where the spec is not known, or already has what is proposed."""

from typing import Any

from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.reading import planned, planned_number

MOST_EPOCHS = 10_000
"""That a spec allows."""

HIGHEST_RATE = 100.0
"""That a spec allows."""

Change = dict[str, Any]


def divided_rate(evidence: Evidence, by: float = 10) -> Change | None:
    """Propose a learning rate that is lower by a factor; higher by one under 1."""
    rate = planned_number(evidence, "optimizer.lr")
    if rate is None or rate <= 0:
        return None
    return {"optimizer.lr": float(f"{min(rate / by, HIGHEST_RATE):.6g}")}


def faster_start(evidence: Evidence, *, falling: bool = False) -> Change | None:
    """Propose momentum to plain SGD, which leaves a plateau sooner with it; else another learning rate.

    A higher one where the loss is `falling`, if slowly; else a lower one.
    """
    if planned(evidence, "optimizer.name") == "sgd" and not planned_number(evidence, "optimizer.momentum"):
        return {"optimizer.momentum": 0.9}
    return divided_rate(evidence, 1 / 3 if falling else 10)


def single_softmax(evidence: Evidence) -> Change | None:
    """Propose the loss of logits, unless the spec has it already: then the fault lies elsewhere."""
    if planned(evidence, "loss.name") == "cross_entropy":
        return None
    return {"loss.name": "cross_entropy"}


def more_epochs(evidence: Evidence) -> Change | None:
    """Propose twice the epochs."""
    wanted = min(2 * evidence.epochs_planned, MOST_EPOCHS)
    return {"epochs": wanted} if wanted > evidence.epochs_planned else None


def stop_in_time(evidence: Evidence) -> Change | None:
    """Propose to end by what validation images say, never the test set; weight decay to a run that does so already."""
    if not evidence.spec:
        return None
    if planned(evidence, "early_stopping.patience"):
        return (
            None if planned_number(evidence, "optimizer.weight_decay") else {"optimizer.weight_decay": 5e-4}
        )
    kept_back = {} if planned_number(evidence, "dataset.validation") else {"dataset.validation": 0.1}
    return {**kept_back, "early_stopping.patience": 3}
