"""What two runs predicted for one test set, side by side, and of which of its images there are pictures."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.store.predictions import Which
from backend.store.tables import Prediction, Run, TestImage, TestSet


@dataclass(frozen=True)
class Answers:
    """What a run predicted after an epoch, and what it was tested on: classes are encoded as `TestSet.labels`."""

    run: int
    epoch: int
    test_set: str
    names: list[str]
    labels: bytes
    predicted: bytes


def answers(session: Session, run_ids: Collection[int], which: Which) -> dict[int, Answers]:
    """Return what these runs predicted in their last or their best epoch, without those that have not said."""
    # One statement, as in `predictions`: between two a run could report an epoch.
    epoch = Run.summary["epoch" if which == "last" else "best_epoch"].as_integer()
    query = (
        select(Run.id, Prediction.epoch, TestSet.hash, TestSet.classes, TestSet.labels, Prediction.classes)
        .join(Prediction, (Prediction.run_id == Run.id) & (Prediction.epoch == epoch))
        .join(TestSet, TestSet.hash == Prediction.test_set)
        .where(Run.id.in_(run_ids), Run.deleted_at.is_(None))
    )
    return {row[0]: Answers(*row) for row in session.execute(query)}


def pictured(session: Session, test_set: str) -> set[int]:
    """Return the numbers of the images of a test set whose pictures are kept."""
    return set(session.scalars(select(TestImage.number).where(TestImage.test_set == test_set)))
