"""What a careful reader finds in published tables, computed from their numbers."""

import math
from collections.abc import Iterable

from backend.analysis.chance import is_blank
from backend.analysis.doubled_softmax import (
    CERTAIN_TOLERANCE,
    highest_loss,
    is_saturated,
    lowest_loss,
    saturated_loss,
)
from backend.analysis.numerals import listed, percent
from backend.catalog.references import PublishedTable

CLASSES = 10
"""Of the published data set, CIFAR-10."""

DOUBLED_EPOCHS = 3

PRINTED = 0.0011
"""Nats that a loss printed with three decimals may be off."""

PLATEAU_ACCURACY = 1.5
"""With the loss of guessing, a test accuracy under this many times 1/C is that of a network that knows nothing."""


def remarks(table: PublishedTable, tables: Iterable[PublishedTable]) -> list[str]:
    """Return what stands out in a table, each as one or two sentences; `tables` are all of the report."""
    found = (
        repeated(table, tables),
        doubled(table),
        elsewhere_single(table, tables),
        standing_still(table),
        plateau(table),
        gaps(table),
    )
    return [remark for remark in found if remark]


def repeated(table: PublishedTable, tables: Iterable[PublishedTable]) -> str | None:
    """Say which earlier table this one repeats digit for digit. Two constant tables may agree by rights."""
    if len(set(table.series("test_acc"))) < 2:
        return None
    for other in tables:
        if other.table >= table.table or other.rows != table.rows:
            continue
        differs = ""
        if other.learning_rate != table.learning_rate:
            differs = f", though one was trained at a learning rate of {other.learning_rate:g} and the other at {table.learning_rate:g}"
        count = sum(value is not None for value in table.values())
        return (
            f"Table {table.table} repeats Table {other.table} digit for digit, all {count} numbers{differs}: "
            "a copying error in the report."
        )
    return None


def doubled(table: PublishedTable, classes: int = CLASSES) -> str | None:
    """Say that softmax was applied twice, where loss and accuracy add up to ln(e + C - 1) epoch after epoch."""
    fits = [epoch for epoch in sorted(table.rows) if _is_doubled(table, epoch, classes)]
    if len(fits) < DOUBLED_EPOCHS:
        return None
    floor = lowest_loss(classes)
    text = (
        f"Softmax was applied twice: training loss and training accuracy add up to about ln(e + {classes - 1}) = "
        f"{highest_loss(classes):.4f} in {len(fits)} epochs, as only certain answers under cross-entropy of "
        f"probabilities do. Such a loss cannot fall below ln(e + {classes - 1}) − 1 = {floor:.4f}."
    )
    loss, accuracy = table.last("train_loss"), table.last("train_acc")
    if loss is not None and accuracy is not None and 0 <= loss - floor < CERTAIN_TOLERANCE:
        text += f" It ends at {loss:.3f} with {percent(accuracy)} training accuracy: at that floor."
    return text


def elsewhere_single(
    table: PublishedTable, tables: Iterable[PublishedTable], classes: int = CLASSES
) -> str | None:
    """Say of a table with softmax applied twice which other sections do not have this: those with lower losses."""
    if doubled(table, classes) is None:
        return None
    lowest: dict[str, float] = {}
    for other in tables:
        losses = [loss for loss in other.series("train_loss") if loss is not None]
        lowest[other.section] = min([*losses, lowest.get(other.section, math.inf)])
    below = {name: loss for name, loss in sorted(lowest.items()) if loss < lowest_loss(classes)}
    if not below:
        return None
    several = len(below) > 1
    return (
        f"Section{'s' if several else ''} {listed(list(below))} {'do' if several else 'does'} not have this: "
        f"the training loss goes down to {listed([f'{loss:.3f}' for loss in below.values()])} there."
    )


def meant_instead(table: PublishedTable, accuracy: float, tables: Iterable[PublishedTable]) -> str | None:
    """Say which other table ends at the accuracy that a sentence needs of this one; None where none does."""
    others = [one for one in tables if one.table != table.table]
    meant = next((one for one in others if _rounded(one.last("test_acc")) == _rounded(accuracy)), None)
    if meant is None:
        return None
    what = "the collapsed model of " if standing_still(meant) else ""
    said = f"So the sentence implies {what}Table {meant.table}, which ends at {accuracy:.3f}"
    if repeated(table, others) is None:
        return f"{said}."
    return f"{said}, and Table {table.table} is a copying error in the report."


def standing_still(table: PublishedTable, classes: int = CLASSES) -> str | None:
    """Say that a loss stands, in every epoch, where a saturated network that answers one class has it."""
    losses = set(table.series("train_loss"))
    saturated = saturated_loss(classes, 1 / classes)
    if len(losses) != 1 or None in losses:
        return None
    (loss,) = losses
    if loss is None or abs(loss - saturated) > PRINTED:
        return None
    floor, ceiling = lowest_loss(classes), highest_loss(classes)
    return (
        f"The loss is {loss:.3f} in all {len(table.rows)} epochs. A saturated network that always answers one class "
        f"is right {percent(1 / classes)} of the time and has a loss of {1 / classes:g} × {floor:.4f} + "
        f"{1 - 1 / classes:g} × {ceiling:.4f} = {saturated:.4f}: it has collapsed."
    )


def plateau(table: PublishedTable, classes: int = CLASSES) -> str | None:
    """Say that a training first stood at the loss of a network that knows nothing, and then left it."""
    blank = math.log(classes)
    stood: list[float] = []
    for epoch in sorted(table.rows):
        loss, accuracy = table.rows[epoch]["train_loss"], table.rows[epoch]["test_acc"]
        if loss is None or accuracy is None or not is_blank(loss, classes):
            break
        if accuracy >= PLATEAU_ACCURACY / classes:
            break
        stood.append(loss)
    last = table.last("test_acc")
    if len(stood) < 2 or last is None or last < PLATEAU_ACCURACY / classes:
        return None
    return (
        f"For the first {len(stood)} epochs the loss stands at {listed([f'{loss:.3f}' for loss in stood])}, near "
        f"ln {classes} = {blank:.4f}, the loss of a network that knows nothing. Then it leaves: a plateau of plain "
        f"SGD from a random start, not a broken run; it ends at {percent(last)} test accuracy."
    )


def gaps(table: PublishedTable) -> str | None:
    """Say how many cells could not be read."""
    values = list(table.values())
    missing = values.count(None)
    if not missing:
        return None
    return f"{missing} of {len(values)} numbers cannot be read in the published copy; they stay gaps."


def _is_doubled(table: PublishedTable, epoch: int, classes: int) -> bool:
    loss, accuracy = table.rows[epoch]["train_loss"], table.rows[epoch]["train_acc"]
    return loss is not None and accuracy is not None and is_saturated(classes, loss, accuracy)


def _rounded(accuracy: float | None) -> str | None:
    """Return an accuracy as the report prints it."""
    return None if accuracy is None else f"{accuracy:.3f}"
