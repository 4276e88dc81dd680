"""The text filter of the lists, as it is asked for."""

from typing import Annotated

from fastapi import Query

from backend.errors import InvalidSpec
from backend.launching import checked_text

LONGEST_QUERY = 200
MOST_WORDS = 10

SearchText = Annotated[str, Query(max_length=LONGEST_QUERY)]


def words_of(text: str) -> list[str]:
    """Return the words that must all be found.

    Raises:
        InvalidSpec: there are too many, or control characters.
    """
    words = checked_text(text, "q", LONGEST_QUERY).split()
    if len(words) > MOST_WORDS:
        raise InvalidSpec(f"q has {len(words)} words; it may have {MOST_WORDS} at most.")
    return words
