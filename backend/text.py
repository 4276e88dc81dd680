"""Text that people and files bring in: what no page should show and no database can hold.

Standard library only.
"""

import unicodedata


def is_clean(text: str) -> bool:
    """Return whether a text has neither control characters (Cc) nor halves of characters (Cs)."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


def storable(text: str) -> str:
    """Return a text that every database takes: no NUL, no halves of characters. Line breaks stay."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
