"""The attempts of a run as text: who tried, when, from where it went on, and why each ended."""

from datetime import datetime
from typing import Any

from backend.cli.tables import GAP, instant
from backend.contract import Reason
from backend.durations import duration

COLUMNS = ("attempt>", "worker", "began", "ended", "took>", "from epoch>", "how it ended")

IN_WORDS = {
    "completed": "trained to the last epoch",
    Reason.WORKER_LOST: "lost",
    Reason.DRAINED: "its worker was stopped in good order; the run went back into the queue",
    Reason.CANCELLED: "cancelled by a person",
    Reason.CODE_ERROR: "the training raised an error",
    Reason.REFUSED: "refused",
    Reason.OUT_OF_MEMORY: "out of memory",
    Reason.DISK_FULL: "a disk was full",
    Reason.PARENT_FAILED: "its parent gave no weights",
    Reason.RESTORED: "it was under way when the backup was made that this store was restored from",
}


def attempt_row(one: dict[str, Any], told_at: str) -> tuple[str, ...]:
    """Return an attempt as a row of COLUMNS; one that goes on has taken the time up to `told_at`."""
    began, ended = one["started_at"], one["ended_at"]
    took = seconds_between(began, ended or told_at)
    number, worker = str(one["number"]), one["worker"]
    return (
        number,
        worker,
        instant(began),
        instant(ended),
        duration(took),
        _resumed_from(one),
        why_ended(one),
    )


def why_ended(one: dict[str, Any]) -> str:
    if one["ended_at"] is None:
        return "goes on"
    reason = one["reason"] or "completed"
    lead = IN_WORDS.get(reason, reason)
    return f"{lead}: {one['detail']}" if one["detail"] else lead


def losses_text(run: dict[str, Any]) -> str:
    """Return "1 of 3 since the last checkpoint"."""
    return f"{run['losses']} of {run['max_losses']} since the last checkpoint"


def retry_text(run: dict[str, Any]) -> str:
    """Return until when a run waits whose worker was lost, and after the how manieth loss."""
    return f"waits until {instant(run['retry_at'])}, after loss {run['losses']} of {run['max_losses']}"


def stale_text(stale: dict[str, Any]) -> str:
    """Return since when a run in training is not heard of, and what becomes of it."""
    return (
        f"stale, not heard of since {instant(stale['heard_at'])}: "
        f"it is taken from its worker at {instant(stale['until'])} unless it is heard of"
    )


def seconds_between(began: str, ended: str) -> float:
    return max(0.0, (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds())


def _resumed_from(one: dict[str, Any]) -> str:
    if one["resumed_from_epoch"] is None:
        return GAP
    if one["resumed_from_step"]:
        return f"step {one['resumed_from_step']} of {one['resumed_from_epoch'] + 1}"
    return str(one["resumed_from_epoch"])
