"""What was measured of each kind of device, by its key: what a worker measured holds for all workers of that kind."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.store import clock
from backend.store.changes import changed
from backend.store.tables import Calibration


def find(session: Session, device_key: str) -> dict[str, Any] | None:
    """Return what is known of a kind of device; None where nothing is."""
    return session.scalars(
        select(Calibration.facts).where(Calibration.device_key == device_key)
    ).one_or_none()


def known(session: Session, device_keys: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return what is known of these kinds of devices, by key."""
    query = select(Calibration.device_key, Calibration.facts).where(Calibration.device_key.in_(device_keys))
    return dict(iter(session.execute(query)))


def keep(session: Session, device_key: str, facts: dict[str, Any]) -> None:
    """Keep what was measured, in place of what was known before."""
    row = {"facts": facts, "at": clock.now(session)}
    known = update(Calibration).where(Calibration.device_key == device_key)
    if changed(session, known.values(**row)):
        return
    try:
        with session.begin_nested():
            session.execute(insert(Calibration).values(device_key=device_key, **row))
    except IntegrityError:  # another worker of this kind kept its own in the meantime
        session.execute(known.values(**row))
