"""Checkpoints: weights as safetensors, and beside them all that makes a resumed training the same training.

A checkpoint is two files named by attempt and epoch, and counts only once a recorder has committed the
pointer to it. This module knows neither the recorder nor the training loop.
"""

import random
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from backend.errors import DataProblem
from backend.spec import Spec
from worker.engine.disk import sync
from worker.engine.weights import copy_into, sha256_after

WEIGHTS_SUFFIX = ".safetensors"
STATE_SUFFIX = ".pt"
_NAME = re.compile(r"attempt-(\d+)-epoch-\d+")


class BrokenCheckpoint(DataProblem):
    """Its files are missing, or are not those that were written."""


@dataclass(frozen=True)
class CheckpointPointer:
    """Where a training stood after `epoch` finished epochs; `sha256` is over both files, weights first."""

    epoch: int
    name: str
    sha256: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "CheckpointPointer":
        return cls(epoch=int(value["epoch"]), name=str(value["name"]), sha256=str(value["sha256"]))


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
    identity: Identity,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    metrics: dict[str, float],
) -> CheckpointPointer:
    """Write both files and return the pointer; nothing is found under their names until they are whole."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"attempt-{attempt}-epoch-{epoch}"
    # safetensors takes no channels_last; loading copies into the layout that the network has.
    weights = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    state = {
        "identity": asdict(identity),
        "epoch": epoch,
        "optimizer": optimizer.state_dict(),
        "random": random_states(),
        "metrics": metrics,
    }
    paths = _paths(folder, name)
    _write_whole(paths[0], lambda path: save_file(weights, path))
    _write_whole(paths[1], lambda path: torch.save(state, path))
    sync(folder)
    return CheckpointPointer(epoch, name, sha256_after(*paths)[-1])


def load(
    folder: Path,
    pointer: CheckpointPointer,
    *,
    identity: Identity,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Put network, optimizer and all random states back to where the checkpoint was saved.

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
    state = torch.load(paths[1], map_location="cpu", weights_only=True)
    _refuse_other(pointer.name, Identity(**state["identity"]), identity)
    weights = load_file(paths[0])
    if _shapes(weights) != _shapes(network.state_dict()):
        raise DataProblem(
            f"The checkpoint {pointer.name} does not fit the network that its recipe makes here: "
            "start it again instead of resuming it."
        )
    copy_into(network, weights)
    optimizer.load_state_dict(state["optimizer"])
    restore_random_states(state["random"])


def prune(folder: Path, attempt: int, keep: set[str]) -> None:
    """Delete the checkpoints of this and earlier attempts, whole or half-written, but those in `keep`.

    Never those of later attempts: a process that slept through its lease must not delete its successor's.
    """
    for path in folder.iterdir():
        match = _NAME.match(path.name)
        if match and int(match[1]) <= attempt and path.name.partition(".")[0] not in keep:
            path.unlink(missing_ok=True)


def random_states() -> dict[str, Any]:
    """Return the state of every generator that a training draws from, in types that `weights_only` loads.

    NumPy's is not among them: nothing that trains draws from it.
    """
    return {
        "python": random.getstate(),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
    }


def restore_random_states(states: dict[str, Any]) -> None:
    version, numbers, gauss = states["python"]
    random.setstate((version, tuple(numbers), gauss))
    torch.set_rng_state(states["torch"])
    cuda: list[Tensor] = states["cuda"]
    # Resumed on a machine with fewer GPUs, or none: the numbers differ there anyway.
    if cuda and torch.cuda.is_initialized() and len(cuda) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(cuda)


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


def _write_whole(path: Path, write: Callable[[Path], None]) -> None:
    temporary = path.with_name(path.name + ".part")
    write(temporary)
    sync(temporary)
    temporary.rename(path)
