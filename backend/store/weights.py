"""The weights that an operator imported or fetched: what each name means, by the SHA-256 of its file on the workers."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import ColumnElement

from backend.store import clock
from backend.store.changes import changed
from backend.store.tables import WeightsRow


@dataclass(frozen=True)
class NewWeights:
    """`source` is imagenet or file; `sha256` is of the safetensors file; `classes` counts its output units."""

    source: str
    name: str
    arch: str
    sha256: str
    classes: int


def register(session: Session, weights: NewWeights, *, replace: bool = False) -> bool:
    """Make the name mean this content; return False where it means another and `replace` is not given."""
    which = _named(weights.source, weights.name, weights.arch)
    if not replace:
        which = and_(which, WeightsRow.sha256 == weights.sha256)
    values = {"sha256": weights.sha256, "classes": weights.classes, "at": clock.now(session)}
    set_again = update(WeightsRow).where(which).values(**values)
    if changed(session, set_again) == 1:
        return True
    try:
        # The savepoint keeps the transaction usable on Postgres.
        with session.begin_nested():
            session.execute(insert(WeightsRow).values(**vars(weights), at=clock.now(session)))
    except IntegrityError:
        # The name is taken: with other content, or by another host in this moment.
        return changed(session, set_again) == 1
    return True


def everything(session: Session) -> Sequence[WeightsRow]:
    """Return all weights, by architecture, source and name."""
    order = (WeightsRow.arch, WeightsRow.source, WeightsRow.name)
    return session.scalars(select(WeightsRow).order_by(*order)).all()


def find(session: Session, source: str, name: str, arch: str) -> WeightsRow | None:
    return session.scalars(select(WeightsRow).where(_named(source, name, arch))).one_or_none()


def _named(source: str, name: str, arch: str) -> ColumnElement[bool]:
    return and_(WeightsRow.source == source, WeightsRow.name == name, WeightsRow.arch == arch)
