"""What of a spec a notebook does not repeat. It is refused rather than left out, as the numbers would be others."""

from backend.errors import NotRepeatable
from backend.spec import Spec


def check_repeatable(run_id: int, spec: Spec, ancestors: list[Spec]) -> None:
    """Refuse a run that the cells cannot repeat.

    Raises:
        NotRepeatable: naming the part of its spec, or of one that it starts from.
    """
    for one in (*ancestors, spec):
        part = unrepeated(one)
        if part:
            whose = f"Run {run_id}" if one is spec else f"What run {run_id} starts from"
            raise NotRepeatable(f"{whose} has {part}, which an exported notebook does not repeat.")


def unrepeated(spec: Spec) -> str | None:
    """Return the first field of a spec that the cells know nothing of, with its value; None where they know all."""
    found = (
        ("dataset.augment", spec.dataset.augment, spec.dataset.augment in ("cutout", "mixup")),
        ("early_stopping.patience", spec.early_stopping.patience, spec.early_stopping.patience is not None),
        ("ema", spec.ema, spec.ema is not None),
        ("precision", spec.precision, spec.precision == "tf32"),
        ("compile", spec.compile, spec.compile == "on"),
        ("devices", spec.devices, spec.devices > 1),
    )
    return next((f"{path} {value}" for path, value, is_unknown in found if is_unknown), None)
