"""Starting weights: a state dict from a file, fitted to a network by names and shapes.

Knows no registry and downloads nothing: it is given files that others found and checked.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from backend.errors import DataProblem

_RENAMED = (
    (re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.\w+)$"), r"\1\2"),
    (re.compile(r"^(.*\.mlp)\.linear_1\.(\w+)$"), r"\1.0.\2"),
    (re.compile(r"^(.*\.mlp)\.linear_2\.(\w+)$"), r"\1.3.\2"),
)
"""Names in torchvision's older files, and as they are today. Source: torchvision's own loading of densenet and vit."""

_AUXILIARY = re.compile(r"^(aux1|aux2|AuxLogits)\.")
"""Helper outputs of googlenet and inception_v3, which our networks do without."""

_COUNTER = "num_batches_tracked"
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class StartingWeights:
    """A state dict that a network begins with. `about` says for people whose it is: "the file 'mine'"."""

    path: Path
    """A safetensors file."""
    sha256: str
    """Of that file."""
    source: str
    """imagenet, parent or file."""
    about: str


def load_state(weights: StartingWeights) -> dict[str, Tensor]:
    """Return the tensors of the file by name.

    Raises:
        DataProblem: it is missing or broken.
    """
    try:
        return load_file(weights.path)
    except (OSError, SafetensorError) as problem:
        raise DataProblem(f"These weights ({weights.about}) cannot be read: {problem}.") from None


def fitted(
    state: Mapping[str, Tensor], network: nn.Module, output_layer: str, *, arch: str, about: str
) -> dict[str, Tensor]:
    """Return `state` under the names, in the order and of the types of the network's own state.

    Its output layer (by module path) may have any number of units; all else must fit.

    Raises:
        DataProblem: naming what differs.
    """
    own = network.state_dict()
    given = _renamed(state, own)
    problems = list(_differences(given, own, output_layer))
    if problems:
        more = f" ({len(problems) - 1:,} more differ)" if len(problems) > 1 else ""
        raise DataProblem(f"These weights ({about}) do not fit {arch}: {problems[0]}{more}.")
    return {key: given[key].to(value.dtype) for key, value in own.items()}


def copy_into(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Set the tensors that `state` names; the others stay.

    Not by `load_state_dict`: without the versions that only pickled files carry, torchvision's mnasnet refuses.
    """
    own = network.state_dict()
    with torch.no_grad():
        for key, value in state.items():
            own[key].copy_(value)


def sha256_after(*paths: Path) -> list[str]:
    """Return the SHA-256 of the first file, of the first two together, and so on.

    Raises:
        FileNotFoundError: one is missing.
    """
    digest, found = hashlib.sha256(), []
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
        found.append(digest.hexdigest())
    return found


def _renamed(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return `state` under today's names, without helper outputs that the network lacks, with counters that old files lack."""
    given = {}
    for name, value in state.items():
        for pattern, today in _RENAMED:
            name = pattern.sub(today, name)
        if name in own or not _AUXILIARY.match(name):
            given[name] = value
    for name in own.keys() - given.keys():
        if name.endswith(_COUNTER):
            given[name] = torch.zeros((), dtype=torch.int64)
    return given


def _differences(given: Mapping[str, Tensor], own: Mapping[str, Tensor], output_layer: str) -> Iterator[str]:
    output = f"{output_layer}.weight"
    units = max(1, len(given[output])) if output in given and given[output].ndim else 1
    for name, value in own.items():
        if name not in given:
            continue
        found, wanted = given[name], value.shape
        if name in (output, f"{output_layer}.bias"):
            wanted = torch.Size((units, *wanted[1:]))
        if found.shape != wanted:
            yield f"'{name}' is {_shown(found.shape)}, and {_shown(wanted)} is wanted"
        elif found.is_floating_point() != value.is_floating_point() or found.is_complex():
            yield f"'{name}' holds {_kind(found)}, and {_kind(value)} is wanted"
    yield from (f"'{name}' is missing" for name in own if name not in given)
    yield from (f"'{name}' is no part of it" for name in given if name not in own)


def _shown(shape: torch.Size) -> str:
    return " x ".join(map(str, shape)) or "one number"


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
