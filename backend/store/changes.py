"""Conditional updates: the row count is the answer."""

from typing import Any, cast

from sqlalchemy import CursorResult, Delete, Update
from sqlalchemy.orm import Session


def changed(session: Session, statement: Update | Delete) -> int:
    """Execute a statement and return how many rows it changed."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount
