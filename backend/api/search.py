"""The text filter of the lists, as it is asked for."""

from typing import Annotated

from fastapi import Query
from sqlalchemy.sql.expression import ColumnElement

from backend.errors import InvalidSpec
from backend.examining import NAMES, asked
from backend.launching import checked_text
from backend.store import findings

LONGEST_QUERY = 200
MOST_WORDS = 10

SearchText = Annotated[str, Query(max_length=LONGEST_QUERY)]


FindingName = Annotated[str | None, Query(max_length=100, json_schema_extra={"enum": list(NAMES)})]


def found_of(name: str | None) -> ColumnElement[bool] | None:
    """Return whether what is asked for was found of a run; None where nothing is asked for.

    Raises:
        InvalidSpec: there is no such rule that reads one run.
    """
    if name is None:
        return None
    if name not in NAMES:
        raise InvalidSpec(f"finding is {name[:40]!r}; it must be one of {', '.join(NAMES)}.")
    return findings.is_of(**asked(name))


def words_of(text: str) -> list[str]:
    """Return the words that must all be found.

    Raises:
        InvalidSpec: there are too many, or control characters.
    """
    words = checked_text(text, "q", LONGEST_QUERY).split()
    if len(words) > MOST_WORDS:
        raise InvalidSpec(f"q has {len(words)} words; it may have {MOST_WORDS} at most.")
    return words
