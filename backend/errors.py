"""Everything that this service refuses to do, each with the HTTP status it maps to.

RunyardError            500
  InvalidSpec           422  the request names something impossible: what, the value, what is allowed
    UnknownName         422  a preset, model or data set that does not exist
    InvalidReference    422  a published table that cannot be one
  NotFound              404
  NoPredictions         404
  NotOneTestSet         409  two models that were tested on other images cannot be paired
  RunStateConflict      409
  WorkerStateConflict   409
  FamilyConflict        409  its parent or its children are in another state than this needs
  NoCheckpoint          409  there is nothing to go on from
  CheckpointMissing     404  none was made yet, or its files are not on this machine
  IdempotencyConflict   409
  NameTaken             409
  EditConflict          409  it was edited by someone else since it was read
  NotRepeatable         409  an exported notebook would come to other numbers than the run
  ConfirmationNeeded    409  what takes hours is launched only by someone who was told so
  InvalidSetting        500  at start, never over HTTP
  DataProblem           422  a data set that is missing, changed or broken
  Unavailable           503  the database cannot be reached
  NotAlive              503  a part of the service has ended
  NotReady              503  the service cannot serve just now

The message is for people: one sentence with what, the value and what is allowed.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class RunyardError(Exception):
    status = 500


class InvalidSpec(RunyardError):
    status = 422


class UnknownName(InvalidSpec):
    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = get_close_matches(str(name), known, n=3, cutoff=0.5)
        if near:
            hint = f"Did you mean {' or '.join(near)}?"
        elif len(known) <= 12:
            hint = f"There are: {', '.join(known) or 'none yet'}."
        else:
            hint = f"There are {len(known)}, such as {', '.join(known[:5])}."
        super().__init__(f"There is no {kind} {_short(name)}. {hint}")


class InvalidReference(InvalidSpec):
    status = 422


class NotFound(RunyardError):
    status = 404

    def __init__(self, kind: str, key: object) -> None:
        super().__init__(f"There is no {kind} {_short(key)}.")


class NoPredictions(RunyardError):
    status = 404

    def __init__(self, run_id: int) -> None:
        super().__init__(f"Run {run_id} has no predictions yet: they come with the first epoch that is done.")


class NotOneTestSet(RunyardError):
    status = 409

    def __init__(self, first: int, images: int, second: int, others: int) -> None:
        told = f"{images:,} and {others:,}" if images != others else f"{images:,} each"
        super().__init__(
            f"Runs {first} and {second} were not tested on the same images ({told}); models are paired on the same ones."
        )


class RunStateConflict(RunyardError):
    status = 409

    def __init__(self, run_id: int, wanted: str, actual: str) -> None:
        super().__init__(f"Run {run_id} is {actual}; it must be {wanted} for this.")


class WorkerStateConflict(RunyardError):
    status = 409

    def __init__(self, worker_id: str, wanted: str, actual: str) -> None:
        super().__init__(f"Worker {_short(worker_id)} is {actual}; it must be {wanted} for this.")


class FamilyConflict(RunyardError):
    status = 409


class NoCheckpoint(RunyardError):
    status = 409

    def __init__(self, run_id: int) -> None:
        super().__init__(f"Run {run_id} has no checkpoint: retry it from the start.")


class CheckpointMissing(RunyardError):
    status = 404


class IdempotencyConflict(RunyardError):
    status = 409

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The idempotency key {_short(key)} was already used for another launch; use a new key."
        )


class NameTaken(RunyardError):
    status = 409

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"There is a {kind} {_short(name)} already; choose another name.")


class EditConflict(RunyardError):
    status = 409


class NotRepeatable(RunyardError):
    status = 409


class ConfirmationNeeded(RunyardError):
    status = 409


class InvalidSetting(RunyardError):
    status = 500


class DataProblem(RunyardError):
    status = 422


class Unavailable(RunyardError):
    status = 503


class NotAlive(RunyardError):
    status = 503


class NotReady(RunyardError):
    status = 503


def _short(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
