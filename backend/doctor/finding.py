"""What the doctor says of one thing: all is well, something to know, or a fault, with what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    NOTE = "note"
    FAULT = "fault"


@dataclass(frozen=True)
class Finding:
    """`remedy` is a command, or a sentence where no command does it."""

    about: str
    level: Level
    sentence: str
    remedy: str | None = None


def ok(about: str, sentence: str) -> Finding:
    return Finding(about, Level.OK, sentence)


def note(about: str, sentence: str, remedy: str | None = None) -> Finding:
    return Finding(about, Level.NOTE, sentence, remedy)


def fault(about: str, sentence: str, remedy: str | None = None) -> Finding:
    return Finding(about, Level.FAULT, sentence, remedy)
