"""What runs predicted for their test sets: of the last and of the best epoch, and of those two at the last checkpoints.

The latter are what a rewind goes back to: the last checkpoint, or the one before it where that is broken. With them are
kept the wrong ones that the network was surest of, and the pictures of these, once a test set. Nothing here decodes the classes: see `backend.analysis.confusion`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import Select, Table, bindparam, delete, exists, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.store import pointers, points
from backend.store.tables import Prediction, Run, TestImage, TestSet

_UPSERTS = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}

Which = Literal["last", "best"]

# Made once, as every epoch of every run executes it; of the table, not of the class, which costs as much again.
_PREDICTION = cast("Table", Prediction.__table__)
_FORGET_OTHERS = delete(_PREDICTION).where(
    _PREDICTION.c.run_id == bindparam("of_run"),
    _PREDICTION.c.epoch.not_in(bindparam("kept", expanding=True)),
)


@dataclass(frozen=True)
class Tested:
    """The predictions of one epoch and the truth, both encoded as `TestSet.labels`; `names` are the classes'."""

    epoch: int
    names: list[str]
    labels: bytes
    predicted: bytes


@dataclass(frozen=True)
class NewMistakes:
    """The wrong ones that the network was surest of, the surest first; `pictures` are PNGs of some, by number.

    `images` are numbers in the test set: places in its labels.
    """

    images: list[int]
    probabilities: list[float]
    pictures: dict[int, bytes]


@dataclass(frozen=True)
class Mistaken:
    """What was stored of `NewMistakes`: `images` and `probabilities` are empty where none were, or none were kept."""

    tested: Tested
    test_set: str
    images: list[int]
    probabilities: list[float]
    pictured: set[int]
    """Those of `images` whose picture is there."""


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


def write(
    session: Session,
    run_id: int,
    epoch: int,
    test_set: str,
    classes: bytes,
    mistakes: NewMistakes | None = None,
) -> None:
    """Store what a run predicted after an epoch, for a test set that was described."""
    row = {"run_id": run_id, "epoch": epoch, "test_set": test_set, "classes": classes}
    if mistakes is not None:
        row["mistakes"] = {"images": mistakes.images, "probabilities": mistakes.probabilities}
    session.execute(insert(Prediction).values(**row))
    # After the row above: from then on `purge` of another run leaves the pictures of this test set alone.
    if mistakes is not None and mistakes.pictures:
        _keep_pictures(session, test_set, mistakes.pictures)


def prune(
    session: Session, run_id: int, summary: dict[str, Any] | None, checkpoint: dict[str, Any] | None
) -> None:
    """Forget the predictions of all epochs but the last, the best, and those two as of the last checkpoints.

    Those are the newest and the one before it. `summary` and `checkpoint` are the run's, as they are stored now.
    """
    if summary is None:  # a checkpoint within the first epoch: nothing was predicted yet
        return
    kept = {summary["epoch"], summary["best_epoch"]}
    for pointer in (checkpoint, checkpoint and pointers.before(checkpoint)):
        if pointer is not None:
            epoch = pointers.place(pointer).epoch
            kept |= {epoch, points.best(session, run_id, epoch)[1]}
    kept.discard(None)  # no epoch is the best where no accuracy was a number
    session.execute(_FORGET_OTHERS, {"of_run": run_id, "kept": sorted(kept)})


def delete_after(session: Session, run_id: int, epoch: int) -> None:
    """Forget all that came after an epoch."""
    session.execute(delete(Prediction).where(Prediction.run_id == run_id, Prediction.epoch > epoch))


def purge(session: Session, run_id: int) -> None:
    """Forget all that a run predicted, and the pictures of its test set once no prediction is for that any more.

    Till then they all stay, at most one an image: which of them are still needed would have to be searched for in
    the predictions of every run.
    """
    of_run = select(Prediction.test_set).where(Prediction.run_id == run_id)
    test_sets = sorted(set(session.scalars(of_run)))
    delete_after(session, run_id, 0)
    # Another run's first prediction for it waits at its foreign key until this transaction is over, or came first.
    hold = select(TestSet.hash).where(TestSet.hash.in_(test_sets)).order_by(TestSet.hash).with_for_update()
    session.execute(hold)
    used = exists().where(Prediction.test_set == TestSet.hash)
    # By test set and not by picture: each would be looked for among the predictions anew.
    unused = session.scalars(select(TestSet.hash).where(TestSet.hash.in_(test_sets), ~used)).all()
    session.execute(delete(TestImage).where(TestImage.test_set.in_(unused)))


def read(session: Session, run_id: int, which: Which) -> Tested | None:
    """Return what a run predicted in its last or its best epoch; None where it has not said."""
    row = session.execute(_of_epoch(run_id, which)).one_or_none()
    return None if row is None else Tested(*row)


def read_all(session: Session, run_id: int) -> list[Tested]:
    """Return what a run predicted in each epoch of which that is kept, the first one first."""
    query = (
        select(Prediction.epoch, TestSet.classes, TestSet.labels, Prediction.classes)
        .join(TestSet, TestSet.hash == Prediction.test_set)
        .where(Prediction.run_id == run_id)
        .order_by(Prediction.epoch)
    )
    return [Tested(*row) for row in session.execute(query)]


def read_mistakes(session: Session, run_id: int, which: Which) -> Mistaken | None:
    """Return what a run took for another class in its last or its best epoch; None where it has not said."""
    query = _of_epoch(run_id, which).add_columns(TestSet.hash, Prediction.mistakes)
    row = session.execute(query).one_or_none()
    if row is None:
        return None
    *tested, test_set, mistakes = row
    images, probabilities = (mistakes["images"], mistakes["probabilities"]) if mistakes else ([], [])
    there = select(TestImage.number).where(TestImage.test_set == test_set, TestImage.number.in_(images))
    return Mistaken(Tested(*tested), test_set, images, probabilities, set(session.scalars(there)))


def picture(session: Session, test_set: str, number: int) -> bytes | None:
    """Return one image of a test set as PNG; None where no run took it for another class."""
    query = select(TestImage.png).where(TestImage.test_set == test_set, TestImage.number == number)
    return session.execute(query).scalar_one_or_none()


def _of_epoch(run_id: int, which: Which) -> Select[int, list[str], bytes, bytes]:
    # One statement: between two, on Postgres, the run could report an epoch and prune what the first has named.
    epoch = Run.summary["epoch" if which == "last" else "best_epoch"].as_integer()
    return (
        select(Prediction.epoch, TestSet.classes, TestSet.labels, Prediction.classes)
        .join(TestSet, TestSet.hash == Prediction.test_set)
        .join(Run, Run.id == Prediction.run_id)
        .where(Prediction.run_id == run_id, Prediction.epoch == epoch)
    )


def _keep_pictures(session: Session, test_set: str, pictures: dict[int, bytes]) -> None:
    """Store pictures that are not there yet; two runs may do so at once.

    In one order: two transactions that store the same ones wait for one another, and never in a circle.
    """
    rows = [{"test_set": test_set, "number": number, "png": pictures[number]} for number in sorted(pictures)]
    upsert = _UPSERTS[session.get_bind().dialect.name](TestImage.__table__)
    session.execute(upsert.on_conflict_do_nothing(), rows)
