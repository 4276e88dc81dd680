"""Early stopping: whether a training still gets better. Pure; its state goes into each checkpoint."""

import math
from typing import Any

from backend.spec import EarlyStoppingSpec


class EarlyStopping:
    """Watches one metric, epoch by epoch. A value that is no number is never better."""

    def __init__(self, spec: EarlyStoppingSpec) -> None:
        self._spec = spec
        self._sign = 1.0 if spec.metric.endswith("_acc") else -1.0
        self._best: float | None = None
        self._best_epoch = 0
        self._waited = 0

    @property
    def is_over(self) -> bool:
        return self._spec.patience is not None and self._waited >= self._spec.patience

    def observe(self, epoch: int, metrics: dict[str, float]) -> None:
        """Take note of the values of an epoch, each epoch once and in order."""
        if self._spec.patience is None:
            return
        value = metrics[self._spec.metric]
        if self._is_better(value):
            self._best, self._best_epoch, self._waited = value, epoch, 0
        else:
            self._waited += 1

    def reason(self) -> str:
        """Say why the training is over."""
        best = (
            "has never been a number"
            if self._best is None
            else f"was best in epoch {self._best_epoch}: {self._best:.4g}"
        )
        waited = "1 epoch" if self._waited == 1 else f"{self._waited} epochs"
        return f"stopped early: {self._spec.metric} {best}, and not better for {waited}"

    def state(self) -> dict[str, Any]:
        return {"best": self._best, "best_epoch": self._best_epoch, "waited": self._waited}

    def load(self, state: dict[str, Any]) -> None:
        self._best, self._best_epoch, self._waited = state["best"], state["best_epoch"], state["waited"]

    def _is_better(self, value: float) -> bool:
        if math.isnan(value):
            return False
        if self._best is None:
            return True
        return self._sign * (value - self._best) > self._spec.min_delta
