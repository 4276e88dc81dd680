"""The settings of the environment: those that cannot be, and names that nobody reads."""

from collections.abc import Mapping
from difflib import get_close_matches

from pydantic import ValidationError

from backend.doctor.finding import Finding, fault, note, ok
from backend.settings import Settings, complaints

ABOUT = "settings"
PREFIX = "RUNYARD_"

READ_ELSEWHERE = {"RUNYARD_WORKER_DEVICE", "RUNYARD_WORKER_NAME", "RUNYARD_DATA", "RUNYARD_WEIGHTS"}
"""What `up` and containers tell a worker, and what an exported notebook is told, beside the settings."""
OF_TESTS = ("RUNYARD_TEST_", "RUNYARD_CHAOS", "RUNYARD_SOAK_")


def look_at_settings() -> tuple[Settings, list[tuple[str, str]]]:
    """Return the settings, with the default for each that cannot be, and those with what is wrong with them."""
    try:
        return Settings(), []
    except ValidationError as problem:
        wrong = complaints(problem)
        fields = Settings.model_fields
        defaults = {name: fields[name].get_default(call_default_factory=True) for name, _ in wrong}
        return Settings(**defaults), wrong


def judge_settings(wrong: list[tuple[str, str]], environ: Mapping[str, str]) -> list[Finding]:
    found = [
        fault(ABOUT, sentence, f"unset {PREFIX}{name.upper()}, or mend it (checked below with its default)")
        for name, sentence in wrong
    ]
    found += [_unread(name) for name in sorted(environ) if _is_unread(name)]
    given = sum(name.upper() in _known() and value != "" for name, value in environ.items())
    return found or [ok(ABOUT, f"{given or 'none'} given by the environment, and each can be.")]


def _known() -> set[str]:
    return {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


def _is_unread(name: str) -> bool:
    upper = name.upper()
    return (
        upper.startswith(PREFIX) and upper not in _known() | READ_ELSEWHERE and not upper.startswith(OF_TESTS)
    )


def _unread(name: str) -> Finding:
    near = get_close_matches(name.upper(), _known(), n=1, cutoff=0.6)
    return note(ABOUT, f"Nothing reads {name}.", f"did you mean {near[0]}?" if near else f"unset {name}")
