"""A stored spec as it reads now: with every field, whatever version of Runyard stored it."""

from typing import Any

from pydantic import ValidationError

from backend.spec import Spec


def whole_spec(stored: dict[str, Any]) -> dict[str, Any]:
    """Return a stored spec with every field, in the order of the model; as it stands where a rule has changed since."""
    try:
        return Spec.model_validate(stored).model_dump(mode="json")
    except ValidationError:
        return stored
