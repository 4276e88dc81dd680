"""The files that belong to a store, copied as it named them at one moment while trainings go on replacing them.

A checkpoint's files are never written again, only deleted: once opened, they can be read to their end. Those that a training
may delete soonest are therefore opened within the moment of the copy, and read afterwards.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from backend.backup.files import copied
from backend.backup.manifest import BackedUpFile, may_name
from backend.checkpoints import SUFFIXES, file_of
from backend.settings import Settings
from backend.store import pointers
from backend.store.backups import Content, KeptRun

MOST_HELD = 100
"""Runs whose files are opened at once: four files each, and a process may have 1,024."""


@dataclass(frozen=True)
class _Held:
    """A checkpoint with its two files opened, weights first; none where one is missing."""

    pointer: dict[str, Any]
    files: tuple[BinaryIO, ...] | None


class Belongings:
    """Copies to `target` what belongs to a store; tells each file, and a sentence for what could not be had."""

    def __init__(self, settings: Settings, content: Content, target: Path) -> None:
        self.files: list[BackedUpFile] = []
        self.left_out: list[str] = []
        self._settings = settings
        self.content = content
        self._target = target
        self._held: dict[int, list[_Held]] = {}

    @contextmanager
    def holding_checkpoints(self) -> Iterator[None]:
        """Open the checkpoints of runs that are not over; call it within the moment of the database's copy."""
        with ExitStack() as stack:
            for run in self.content.kept_runs[:MOST_HELD]:
                if not run.is_over:
                    self._held[run.id] = self._opened(run, stack)
            yield

    def came_too_late(self) -> bool:
        """Say whether the newest checkpoint of a run in training was gone already when it was to be opened."""
        training = (self._held[run.id] for run in self.content.kept_runs if run.id in self._held)
        return any(held[0].files is None for held in training)

    def copy_checkpoints(self) -> None:
        for run in self.content.kept_runs:
            with ExitStack() as stack:
                held = self._held.get(run.id) or self._opened(run, stack)
                copied_ones = [self._copy_checkpoint(run.id, one) for one in held]
            if not copied_ones[0]:
                self.left_out.append(_told(run, has_before=any(copied_ones)))

    def copy_datasets(self) -> None:
        for name, digest in self.content.datasets:
            # As `worker.engine.data` names it.
            folder = f"{name}-{digest[:12]}"
            lacks = f"The images of '{name}' ({digest[:12]}) are not on this machine: `runyard data import` brings them."
            source = self._settings.data_folder / folder
            self._copy_all("data", sorted(source.glob("*")) if source.is_dir() else [], folder, lacks)

    def copy_weights(self) -> None:
        for arch, name, sha256 in self.content.weights:
            # As `worker.weight_files` names it.
            file = self._settings.weights_folder / f"{arch}-{name}-{sha256[:12]}.safetensors"
            lacks = f"The weights '{name}' of {arch} are not on this machine: `runyard weights import` brings them."
            self._copy_all("weights", [file] if file.is_file() else [], "", lacks)

    def _copy_all(self, kind: str, sources: list[Path], folder: str, lacks: str) -> None:
        paths = {source: "/".join(part for part in (kind, folder, source.name) if part) for source in sources}
        # What a desktop or a network disk leaves there, as .DS_Store: no reason for having no backup at all.
        strange = [source for source, path in paths.items() if not (source.is_file() and may_name(path))]
        self.left_out += [
            f"{source} is not here: it is no file of a data set or of weights." for source in strange
        ]
        if len(strange) == len(sources):
            self.left_out.append(lacks)
        for source, path in paths.items():
            if source in strange:
                continue
            with source.open("rb") as file:
                self.files.append(copied(file, self._target / path, path))

    def _opened(self, run: KeptRun, stack: ExitStack) -> list[_Held]:
        """Open the checkpoint of a run; of one that may go on, the one before it as well."""
        earlier = pointers.before(run.checkpoint) if run.state != "completed" else None
        wanted = [run.checkpoint, *([earlier] if earlier else [])]
        return [_Held(one, self._opened_files(run.id, one, stack)) for one in wanted]

    def _opened_files(
        self, run_id: int, pointer: dict[str, Any], stack: ExitStack
    ) -> tuple[BinaryIO, ...] | None:
        found = [
            file_of(self._settings.runs_folder, run_id, pointer["name"], part)
            for part in ("weights", "state")
        ]
        there = [one.path for one in found if one is not None]
        if len(there) < len(found):
            return None
        try:
            return tuple(stack.enter_context(path.open("rb")) for path in there)
        except FileNotFoundError:  # deleted since it was found
            return None

    def _copy_checkpoint(self, run_id: int, held: _Held) -> bool:
        """Copy both files of a checkpoint; leave none behind where they are not what the database names."""
        if held.files is None:
            return False
        both = hashlib.sha256()
        paths = [f"runs/{run_id}/{held.pointer['name']}{suffix}" for suffix in SUFFIXES.values()]
        made = [
            copied(file, self._target / path, path, both)
            for file, path in zip(held.files, paths, strict=True)
        ]
        if both.hexdigest() != held.pointer["sha256"]:
            for path in paths:
                (self._target / path).unlink()
            with contextlib.suppress(OSError):  # the one before it lies there too
                (self._target / paths[0]).parent.rmdir()
            return False
        self.files += made
        return True


def _told(run: KeptRun, *, has_before: bool) -> str:
    """Say that a run's checkpoint is not in the backup, and what becomes of the run."""
    what = f"The checkpoint {run.checkpoint['name']} of run {run.id} ({run.state}) is not here whole"
    if run.state == "completed":
        return (
            f"{what}: restored, its numbers are there, and nothing can be downloaded of it or start from it."
        )
    then = "resumed, it goes on" if run.is_over else "restored, it goes on"
    where = "from the one before it" if has_before else "from the start"
    return f"{what}: {then} {where}."
