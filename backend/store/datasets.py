"""The data sets that an operator imported. A name means one content at a time; the others are kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from backend.store import clock
from backend.store.changes import changed
from backend.store.tables import DatasetRow


@dataclass(frozen=True)
class NewDataset:
    """`hash` is over classes, labels and images; `pixels` is the side of the stored images."""

    name: str
    hash: str
    classes: list[str]
    train_count: int
    test_count: int
    pixels: int
    channels: int


def register(session: Session, dataset: NewDataset) -> None:
    """Make a name mean this content from now on."""
    session.execute(
        update(DatasetRow)
        .where(DatasetRow.name == dataset.name, DatasetRow.is_current)
        .values(is_current=False)
    )
    again = changed(
        session,
        update(DatasetRow)
        .where(DatasetRow.name == dataset.name, DatasetRow.hash == dataset.hash)
        .values(is_current=True),
    )
    if again == 0:
        session.execute(insert(DatasetRow).values(**vars(dataset), is_current=True, at=clock.now(session)))


def current(session: Session) -> Sequence[DatasetRow]:
    """Return what each imported name means now."""
    return session.scalars(select(DatasetRow).where(DatasetRow.is_current).order_by(DatasetRow.name)).all()


def find(session: Session, name: str, digest: str | None = None) -> DatasetRow | None:
    """Return what a name means now; with `digest` the content of that hash, if it ever was imported."""
    which = DatasetRow.is_current if digest is None else DatasetRow.hash == digest
    return session.scalars(select(DatasetRow).where(DatasetRow.name == name, which)).one_or_none()
