"""Files of weights: read what people bring, keep it in one form, find it again.

What is kept is a safetensors file under today's names and types of the network, so that the same weights are the
same bytes whichever file they came in.
"""

import pickle
import struct
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from backend.durable import sync
from backend.errors import DataProblem
from worker.engine.data import staging_folder
from worker.engine.models import output_layer
from worker.engine.weights import fitted, sha256_after
from worker.engine.without_memory import network_without_memory

SAFETENSORS = ".safetensors"

# What torch.load was seen to raise for files that were cut short, changed, or no weights at all.
_BROKEN = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    struct.error,
    OSError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    EOFError,
    ImportError,
    OverflowError,
    MemoryError,
)


@dataclass(frozen=True)
class Kept:
    """Weights that lie in the folder of weights: the SHA-256 of their file, and their number of output units."""

    path: Path
    sha256: str
    classes: int


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a .safetensors file, or of one that torch.save made of a state dict. Runs no code of it.

    Raises:
        DataProblem: it is neither, or broken.
    """
    if not path.is_file():
        raise DataProblem(f"There is no file {path}.")
    path.open(
        "rb"
    ).close()  # what forbids to read it is told as it is; a later OSError is torch's word for a file cut short
    try:
        if path.suffix == SAFETENSORS:
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # of formats that torch would rather not read; what counts is raised
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, *_BROKEN):
        raise DataProblem(
            f"{path.name} is broken, or holds more than tensors, which is not read as it could run code: "
            "it must be made by torch.save(network.state_dict(), ...) or by safetensors."
        ) from None
    return _checked(state, path.name)


def keep(
    state: Mapping[str, Tensor],
    folder: Path,
    *,
    arch: str,
    name: str,
    about: str,
    scratch: Path | None = None,
) -> Kept:
    """Fit a state dict to the architecture, with any number of output units, and keep it in `folder`.

    It is written to `scratch` first, on the same disk; else to `folder` itself.

    Raises:
        DataProblem: it does not fit, or cannot be written.
    """
    network = network_without_memory(arch)
    output, _ = output_layer(network)
    tensors = fitted(state, network, output, arch=arch, about=about)
    tensors = {key: value.contiguous().clone() for key, value in tensors.items()}
    with staging_folder(scratch or folder) as staging:
        made = staging / "weights"
        try:
            save_file(tensors, made)
        except SafetensorError as problem:
            raise DataProblem(f"The weights cannot be written to {folder}: {problem}.") from None
        sync(made)
        (sha256,) = sha256_after(made)
        path = made.replace(kept_path(folder, arch, name, sha256))
    sync(folder)
    return Kept(path, sha256, len(tensors[f"{output}.weight"]))


def kept_path(folder: Path, arch: str, name: str, sha256: str) -> Path:
    return folder / f"{arch}-{name}-{sha256[:12]}{SAFETENSORS}"


def is_whole(path: Path, sha256: str) -> bool:
    """Say whether the file is there and is the one that was kept."""
    return path.is_file() and sha256_after(path) == [sha256]


def _checked(state: object, file_name: str) -> dict[str, Tensor]:
    if not isinstance(state, Mapping):
        raise DataProblem(
            f"{file_name} holds a {type(state).__name__}; it must hold tensors by name (a state dict)."
        )
    for name, value in state.items():
        plain = isinstance(value, Tensor) and value.layout == torch.strided and not value.is_quantized
        if not isinstance(name, str) or not plain:
            raise DataProblem(
                f"{file_name} holds a {type(value).__name__} under {str(name)[:80]!r}; it must hold plain tensors by "
                "name (a state dict), and nothing else."
            )
    return {name: value.detach() for name, value in state.items()}
