"""Whether the loss is still a number. One that is none is data, and a person should hear of it once. Pure."""

import math

from backend.spec import Spec


class LossWatch:
    """Tells of the first epoch whose loss is no number."""

    def __init__(self, spec: Spec) -> None:
        self._lr = spec.optimizer.lr
        self._told = False

    def warning(self, epoch: int, metrics: dict[str, float]) -> str | None:
        """Return what is to be said after an epoch; None where all is well, or where it was said."""
        odd = [
            name
            for name in ("train_loss", "val_loss", "test_loss")
            if not math.isfinite(metrics.get(name, 0))
        ]
        if not odd or self._told:
            return None
        self._told = True
        return (
            f"warning: {odd[0]} of epoch {epoch} is {_word(metrics[odd[0]])}: no number. The run goes on, and what is no "
            f"number is a gap in its curves; a lower optimizer.lr (it is {self._lr:g}) or gradient_clip may help"
        )


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else "infinite"
