"""Checkpoints: weights as safetensors, and beside them all that makes a resumed training the same training.

A checkpoint is two files named by attempt, epoch and step, and counts only once a recorder has committed the
pointer to it. This module knows neither the recorder nor the training loop.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from backend.durable import sync
from backend.errors import DataProblem
from backend.spec import Spec
from worker.engine.disk import NoRoom, is_out_of_room
from worker.engine.trained import Trained
from worker.engine.weights import sha256_after

WEIGHTS_SUFFIX = ".safetensors"
STATE_SUFFIX = ".pt"
_NAME = re.compile(r"attempt-(\d+)-epoch-\d+(-step-\d+)?")
_FORMAT = 2
"""Of the state file. Format 1 had no steps within an epoch, and nothing that came with them."""


class BrokenCheckpoint(DataProblem):
    """Its files are missing, or are not those that were written."""


@dataclass(frozen=True)
class CheckpointPointer:
    """Where a training stood after `epoch` finished epochs and `step` steps of the next one, `global_step` in all.

    `sha256` is over both files, weights first.
    """

    epoch: int
    name: str
    sha256: str
    step: int = 0
    global_step: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "CheckpointPointer":
        return cls(
            epoch=int(value["epoch"]),
            name=str(value["name"]),
            sha256=str(value["sha256"]),
            step=int(value.get("step", 0)),
            global_step=int(value.get("global_step", 0)),
        )


@dataclass(frozen=True)
class Identity:
    """What a checkpoint belongs to: resuming it as anything else would mix two trainings."""

    data_hash: str
    recipe_hash: str
    seed: int

    @classmethod
    def of(cls, spec: Spec, data_hash: str) -> "Identity":
        return cls(data_hash, spec.recipe_hash(), spec.seed)


def save(
    folder: Path,
    *,
    attempt: int,
    epoch: int,
    step: int,
    global_step: int,
    identity: Identity,
    weights: dict[str, Tensor],
    state: dict[str, Any],
) -> CheckpointPointer:
    """Write both files and return the pointer; nothing is found under their names until they are whole.

    Raises:
        NoRoom: the disk is full; nothing of it is left.
    """
    name = f"attempt-{attempt}-epoch-{epoch}" + (f"-step-{step}" if step else "")
    whole = {"format": _FORMAT, "identity": asdict(identity), "epoch": epoch, "step": step, **state}
    paths = _paths(folder, name)
    with _room_for(name, paths):
        folder.mkdir(parents=True, exist_ok=True)
        _write_whole(paths[0], lambda path: save_file(weights, path))
        _write_whole(paths[1], lambda path: _save_state(whole, path))
        sync(folder)
    return CheckpointPointer(epoch, name, sha256_after(*paths)[-1], step, global_step)


def load(folder: Path, pointer: CheckpointPointer, *, identity: Identity, trained: Trained) -> dict[str, Any]:
    """Put a training, and all random states, back to where the checkpoint was saved; return the whole state.

    Raises:
        BrokenCheckpoint: a file is missing, truncated or changed.
        DataProblem: it belongs to other data, another recipe or another seed.
    """
    paths = _paths(folder, pointer.name)
    try:
        found = sha256_after(*paths)[-1]
    except FileNotFoundError as problem:
        raise BrokenCheckpoint(f"The checkpoint {pointer.name} is missing: no {problem.filename}.") from None
    if found != pointer.sha256:
        raise BrokenCheckpoint(
            f"The checkpoint {pointer.name} is truncated or changed: its SHA-256 is {found[:12]}…, "
            f"and {pointer.sha256[:12]}… was written."
        )
    state = _as_today(torch.load(paths[1], map_location="cpu", weights_only=True))
    _refuse_other(pointer.name, Identity(**state["identity"]), identity)
    weights = load_file(paths[0])
    if _shapes(weights) != _shapes(trained.tested_network.state_dict()):
        raise DataProblem(
            f"The checkpoint {pointer.name} does not fit the network that its recipe makes here: "
            "start it again instead of resuming it."
        )
    trained.load(weights, state)
    return state


def prune(folder: Path, attempt: int, keep: set[str]) -> None:
    """Delete the checkpoints of this and earlier attempts, whole or half-written, but those in `keep`.

    Never those of later attempts: a process that slept through its lease must not delete its successor's.
    """
    for path in folder.iterdir():
        match = _NAME.match(path.name)
        if match and int(match[1]) <= attempt and path.name.partition(".")[0] not in keep:
            path.unlink(missing_ok=True)


def _as_today(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state of any format as one of today's."""
    if "format" in state:
        return state
    cuda = state["random"]["cuda"]
    alone = {"torch": state["random"]["torch"], "cuda": cuda[0] if cuda else None}
    return {**state, "random": [alone], "step": 0}


def _refuse_other(name: str, made: Identity, wanted: Identity) -> None:
    for what, there, here in (
        ("data", made.data_hash[:12], wanted.data_hash[:12]),
        ("recipe", made.recipe_hash[:12], wanted.recipe_hash[:12]),
        ("seed", made.seed, wanted.seed),
    ):
        if there != here:
            raise DataProblem(
                f"The checkpoint {name} was made with {what} {there}, and this run has {what} {here}: "
                "start it again instead of resuming it."
            )


def _shapes(state: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in state.items()}


def _paths(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}{WEIGHTS_SUFFIX}", folder / f"{name}{STATE_SUFFIX}"


@contextmanager
def _room_for(name: str, paths: tuple[Path, Path]) -> Iterator[None]:
    """Take back what was written where the disk is full, so that others find what little room there is."""
    try:
        yield
    except Exception as problem:
        if not is_out_of_room(problem):
            raise
        for path in paths:
            path.unlink(missing_ok=True)
            _part(path).unlink(missing_ok=True)
        raise NoRoom(
            f"The checkpoint {name} cannot be written: the disk of {paths[0].parent} is full."
        ) from None


def _save_state(state: dict[str, Any], path: Path) -> None:
    # Through a file of Python: of its own files torch does not tell why they cannot be written.
    with path.open("wb") as file:
        torch.save(state, file)


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _write_whole(path: Path, write: Callable[[Path], None]) -> None:
    temporary = _part(path)
    write(temporary)
    sync(temporary)
    temporary.rename(path)
