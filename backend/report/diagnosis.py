"""Section 3's diagnosis, measured: whether a run trained on probabilities shows what its published table shows."""

from backend.analysis.doubled_softmax import highest_loss, is_saturated, lowest_loss
from backend.analysis.published import DOUBLED_EPOCHS
from backend.store.reports import StoredRun


def diagnosis(run: StoredRun | None, twin: StoredRun | None, classes: int | None) -> str | None:
    """Return what the stored losses and accuracies of a run and of its corrected twin say of softmax applied twice.

    None where nothing of the run is stored, or its classes are not known.
    """
    if run is None or not run.epoch or classes is None or classes < 2:
        return None
    fits = [epoch for epoch in range(1, run.epoch + 1) if _fits(run, epoch, classes)]
    sum_ = f"ln(e + {classes - 1}) = {highest_loss(classes):.4f}"
    told = f"Measured here: training loss and training accuracy add up to about {sum_} in {len(fits)} of {run.epoch} epochs"
    if len(fits) >= DOUBLED_EPOCHS:
        said = f"{told}: softmax is applied twice here as well, and the answers are certain."
    else:
        said = f"{told}: the loss is taken of probabilities, and the answers are not certain enough for its floor to show."
    return f"{said}{_twin(twin, classes)}"


def _fits(run: StoredRun, epoch: int, classes: int) -> bool:
    loss, accuracy = run.value("train_loss", epoch), run.value("train_acc", epoch)
    return loss is not None and accuracy is not None and is_saturated(classes, loss, accuracy)


def _twin(twin: StoredRun | None, classes: int) -> str:
    series = twin.series.get("train_loss") if twin else None
    losses = [loss for loss in series.values if loss is not None] if series else []
    if not losses:
        return ""
    least, floor = min(losses), lowest_loss(classes)
    if least < floor:
        return f" Its corrected twin goes down to {least:.3f}, under the floor of {floor:.4f} that the doubled softmax has."
    return f" Its corrected twin goes down to {least:.3f}: not under {floor:.4f}, so the floor itself is no difference yet."
