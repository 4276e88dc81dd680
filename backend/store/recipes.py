"""The recipes: specs without their seeds, known by their hash."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.store.tables import Recipe


def table_of(session: Session, digest: str) -> dict[str, Any] | None:
    """Return the table of a recipe as it was stored, defaults left out; None where there is none."""
    return session.scalars(select(Recipe.spec).where(Recipe.hash == digest)).one_or_none()


def hash_of(session: Session, recipe_id: int) -> str:
    """Return the hash of a stored recipe."""
    return session.scalars(select(Recipe.hash).where(Recipe.id == recipe_id)).one()
