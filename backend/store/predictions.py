"""What runs predicted for their test sets: of the last and of the best epoch, and of those two at the checkpoint.

The latter are what a rewind goes back to. Nothing here decodes the classes: see `backend.analysis.confusion`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.store import points
from backend.store.tables import Prediction, Run, TestSet

Which = Literal["last", "best"]


@dataclass(frozen=True)
class Tested:
    """The predictions of one epoch and the truth, both encoded as `TestSet.labels`; `names` are the classes'."""

    epoch: int
    names: list[str]
    labels: bytes
    predicted: bytes


def describe_test_set(session: Session, digest: str, classes: Sequence[str], labels: bytes) -> None:
    """Store a test set once; `labels` as in `TestSet.labels`."""
    find = select(TestSet.hash).where(TestSet.hash == digest)
    if session.execute(find).scalar_one_or_none() is not None:
        return
    try:
        with session.begin_nested():
            session.execute(insert(TestSet).values(hash=digest, classes=list(classes), labels=labels))
    except IntegrityError:
        # Another run stored it in this moment; anything else is for the caller to hear.
        if session.execute(find).scalar_one_or_none() is None:
            raise


def write(session: Session, run_id: int, epoch: int, test_set: str, classes: bytes) -> None:
    """Store what a run predicted after an epoch, for a test set that was described."""
    session.execute(insert(Prediction).values(run_id=run_id, epoch=epoch, test_set=test_set, classes=classes))


def prune(session: Session, run_id: int) -> None:
    """Forget the predictions of all epochs but the last, the best, and those two as of the checkpoint.

    Reads the run's summary and checkpoint: call it after they were written.
    """
    summary, checkpoint = session.execute(select(Run.summary, Run.checkpoint).where(Run.id == run_id)).one()
    assert summary is not None
    kept = {summary["epoch"], summary["best_epoch"]}
    if checkpoint is not None:
        at_checkpoint = checkpoint["epoch"]
        kept |= {at_checkpoint, points.best(session, run_id, at_checkpoint)[1]}
    kept.discard(None)  # no epoch is the best where no accuracy was a number
    session.execute(
        delete(Prediction).where(Prediction.run_id == run_id, Prediction.epoch.not_in(sorted(kept)))
    )


def delete_after(session: Session, run_id: int, epoch: int) -> None:
    """Forget all that came after an epoch."""
    session.execute(delete(Prediction).where(Prediction.run_id == run_id, Prediction.epoch > epoch))


def read(session: Session, run_id: int, which: Which) -> Tested | None:
    """Return what a run predicted in its last or its best epoch; None where it has not said."""
    summary = session.execute(select(Run.summary).where(Run.id == run_id)).scalar_one_or_none()
    epoch = (summary or {}).get("epoch" if which == "last" else "best_epoch")
    if epoch is None:
        return None
    row = session.execute(
        select(Prediction.epoch, TestSet.classes, TestSet.labels, Prediction.classes)
        .join(TestSet, TestSet.hash == Prediction.test_set)
        .where(Prediction.run_id == run_id, Prediction.epoch == epoch)
    ).one_or_none()
    return None if row is None else Tested(*row)
