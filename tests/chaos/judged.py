"""What an answer must be, whatever was asked."""

import json
from typing import Any

from tests.chaos.asked import STREAM, Answer

LONGEST_SENTENCE = 600
"""Refusals show the value that they refuse, cut."""


def fault_of(answer: Answer) -> str | None:
    """Return what is wrong with an answer; None where it is a good one, or a good refusal."""
    if not 200 <= answer.status < 500:
        return f"status {answer.status}"
    if any(ord(letter) < 32 for text in answer.headers.values() for letter in text):
        return f"a header holds control characters: {answer.headers!r}"
    if answer.status >= 400:
        return _fault_of_refusal(answer)
    kind = answer.headers.get("content-type", "")
    if kind.startswith(STREAM) or "json" not in kind:
        return None
    return _fault_of_json(answer.body)


def strict_json(body: bytes) -> Any:
    """Return JSON as browsers read it, which know neither NaN nor infinities.

    Raises:
        ValueError: it is none.
    """
    return json.loads(body.decode("utf-8"), parse_constant=_no_number)


def _fault_of_json(body: bytes) -> str | None:
    try:
        strict_json(body)
    except ValueError as problem:
        return f"no JSON: {problem}"
    return None


def _fault_of_refusal(answer: Answer) -> str | None:
    try:
        error = strict_json(answer.body)["error"]
        kind, message = error["kind"], error["message"]
    except (ValueError, KeyError, TypeError):
        return f"no refusal in JSON: {answer.body[:200]!r}"
    if set(error) != {"kind", "message"} or not kind:
        return f"another shape: {error!r}"
    if not 10 <= len(message) <= LONGEST_SENTENCE or "\n" in message or message[-1] not in ".?)":
        return f"not one sentence: {message[:700]!r}"
    if message != message.strip() or not message.isprintable():
        return f"holds what nobody sees: {message!r}"
    return None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} stands in it")
