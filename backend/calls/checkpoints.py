"""Downloading a checkpoint: whole and unchanged, or not at all."""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from backend.calls.base import Calls
from backend.errors import RunyardError

Progress = Callable[[int, int], None]
"""Told how many bytes have come, and how many there will be."""

Part = Literal["weights", "state"]
TRIES = 3
"""A run in training replaces its checkpoint now and then, and the older file with it."""


class DownloadProblem(RunyardError):
    """A file is in the way or cannot be written, or what came is not what the service has."""


@dataclass(frozen=True)
class Download:
    """A file that was downloaded; it is of `step` steps after the end of `epoch`. Its SHA-256 is the service's."""

    path: Path
    epoch: int
    step: int
    bytes: int
    sha256: str


class CheckpointCalls(Calls):
    def checkpoints(self, run_id: int) -> list[dict[str, Any]]:
        """Return the files of the last checkpoint with their hashes; none where it was not made yet."""
        return self._json("GET", f"/api/runs/{run_id}/checkpoints")

    def checkpoint(
        self, run_id: int, path: Path, on_progress: Progress | None = None, *, part: Part = "weights"
    ) -> Download:
        """Download the last checkpoint of a run to a new file: its weights as safetensors.

        Raises:
            DownloadProblem: the file is there already or cannot be written, or what came has another hash.
            ServiceProblem: there is none, or it is not on the service's machine.
        """
        with _told(path):
            if path.exists():
                raise FileExistsError
        for _ in range(TRIES):
            wanted = self._checkpoint(run_id, part)
            with _told(path), _draft_of(path) as (draft, file):
                digest = self._fetch(f"/api/runs/{run_id}/checkpoint", part, file, on_progress)
                if digest == wanted["sha256"]:
                    _put(draft, path)
                    return Download(path, wanted["epoch"], wanted["step"], path.stat().st_size, digest)
            if self._checkpoint(run_id, part)["sha256"] == wanted["sha256"]:
                raise DownloadProblem(
                    f"What came of run {run_id} has the SHA-256 {digest[:12]}, and its checkpoint has "
                    f"{wanted['sha256'][:12]}: nothing was kept; try again."
                )
        raise DownloadProblem(
            f"Run {run_id} made a new checkpoint during each of {TRIES} tries; try again later."
        )

    def _checkpoint(self, run_id: int, part: Part) -> dict[str, Any]:
        found = [file for file in self.checkpoints(run_id) if file["part"] == part]
        if not found:
            raise DownloadProblem(f"Run {run_id} has made no checkpoint yet.")
        return found[0]

    def _fetch(self, address: str, part: Part, file: BinaryIO, on_progress: Progress | None) -> str:
        """Write what comes to an open file; return its SHA-256."""
        digest, done = hashlib.sha256(), 0
        with self._open(address, params={"part": part}) as response:
            total = int(response.headers.get("content-length", 0))
            for block in response.iter_bytes(1 << 20):
                file.write(block)
                digest.update(block)
                done += len(block)
                if on_progress:
                    on_progress(done, total)
        file.flush()
        return digest.hexdigest()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Tell why a file cannot be written."""
    try:
        yield
    except FileExistsError:
        raise DownloadProblem(f"{path} is there already; name another file, or remove it.") from None
    except OSError as problem:
        raise DownloadProblem(f"{path} cannot be written: {problem.strerror}.") from None


@contextmanager
def _draft_of(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Yield a new file beside a path, of this download alone; what is left of it is removed."""
    draft = path.with_name(f".runyard-{secrets.token_hex(8)}.part")
    try:
        with draft.open("xb") as file:
            yield draft, file
    finally:
        with suppress(OSError):
            draft.unlink()


def _put(draft: Path, path: Path) -> None:
    """Give a draft its name, unless a file has it by now."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: take the name first, then fill it
        path.touch(exist_ok=False)
        draft.replace(path)
