"""GET /api/runs/{id}/checkpoint: the last checkpoint of a run, for download; and what files it has."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from backend.api.deps import DatabaseDep, RunId, SettingsDep
from backend.api.problems import RESPONSES
from backend.api.wire import Wire
from backend.checkpoints import SUFFIXES, CheckpointFile, Part, attempt_of, file_of
from backend.errors import CheckpointMissing
from backend.settings import Settings
from backend.store import pointers, runs

MEDIA_TYPE = "application/octet-stream"
BLOCK_BYTES = 1 << 20

router = APIRouter(prefix="/api/runs", tags=["checkpoints"], responses=RESPONSES)


class CheckpointWire(Wire):
    """One file of a checkpoint: the network's weights, or the state of what trained it.

    It was made `step` steps after the end of `epoch`.
    """

    epoch: int
    step: int
    part: Part
    bytes: int
    sha256: str
    href: str


class File(StreamingResponse):
    media_type = MEDIA_TYPE


@router.get("/{run_id}/checkpoints")
def list_checkpoints(run_id: RunId, database: DatabaseDep, settings: SettingsDep) -> list[CheckpointWire]:
    """Return the files of the last checkpoint; nothing where none was made yet. Earlier ones are not kept."""
    with database.read() as session:
        pointer = runs.get(session, run_id).run.checkpoint
        if pointer is None:
            return []
        files = [_file(session, settings, run_id, pointer, part) for part in SUFFIXES]
    place = pointers.place(pointer)
    with _replaced_meanwhile(run_id):
        return [
            CheckpointWire(
                epoch=place.epoch,
                step=place.step,
                part=file.part,
                bytes=file.bytes,
                sha256=file.sha256(),
                href=f"/api/runs/{run_id}/checkpoint?part={file.part}",
            )
            for file in files
        ]


@router.get("/{run_id}/checkpoint", response_class=File, responses={200: {"content": {MEDIA_TYPE: {}}}})
def get_checkpoint(
    run_id: RunId, database: DatabaseDep, settings: SettingsDep, part: Annotated[Part, Query()] = "weights"
) -> File:
    """Return the last checkpoint: its weights as safetensors; with `part=state` what resuming needs beside them."""
    with database.read() as session:
        pointer = runs.get(session, run_id).run.checkpoint
        if pointer is None:
            raise CheckpointMissing(f"Run {run_id} has made no checkpoint yet.")
        file = _file(session, settings, run_id, pointer, part)
    with _replaced_meanwhile(run_id):
        # Opened before anything is answered: one that is deleted from now on is still sent to its end.
        content = file.path.open("rb")
    place = pointers.place(pointer)
    step = f"-step-{place.step}" if place.step else ""
    name = f"run-{run_id}-epoch-{place.epoch}{step}{SUFFIXES[part]}"
    headers = {"Content-Length": str(file.bytes), "Content-Disposition": f'attachment; filename="{name}"'}
    return File(_blocks(content), headers=headers)


@contextmanager
def _replaced_meanwhile(run_id: int) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise CheckpointMissing(
            f"The checkpoint of run {run_id} was replaced by a newer one in this moment; ask again."
        ) from None


def _file(
    session: Session, settings: Settings, run_id: int, pointer: dict[str, Any], part: Part
) -> CheckpointFile:
    name = str(pointer["name"])
    found = file_of(settings.runs_folder, run_id, name, part)
    if found is None:
        raise CheckpointMissing(_away(session, run_id, name))
    return found


def _away(session: Session, run_id: int, name: str) -> str:
    """Return where a checkpoint lies that is not here."""
    number = attempt_of(name)
    if number is None:
        return f"Run {run_id} points to {name[:80]!r}, and no checkpoint has such a name."
    made_by = {attempt.number: attempt.worker_id for attempt in runs.attempts(session, run_id)}
    worker = f"worker {made_by[number]}" if number in made_by else "worker that made it"
    return f"The checkpoint {name} of run {run_id} is not on this machine: it lies with the {worker}."


def _blocks(content: BinaryIO) -> Iterator[bytes]:
    with content:
        while block := content.read(BLOCK_BYTES):
            yield block
