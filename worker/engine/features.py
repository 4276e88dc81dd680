"""Features: what a frozen network holds of each image at one node, as vectors that a linear layer learns from.

Shapes: B images of a batch, N of a data set, D values of a vector, C channels, H height, W width.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

from backend.errors import InvalidSpec, UnknownName
from backend.spec import FeaturesSpec
from worker.engine.batch_source import BatchSource

VERSION = 1
"""Rises with every change of the numbers that are made here: what was made before is then made anew."""

BATCH_IMAGES = {"cpu": 64, "cuda": 256}
"""Images that go through the frozen network at once. At 224 px the first block of VGG16 takes 13 MB for each."""

_SHARE_OF_GPU = 0.4
"""Vectors that take a larger share of the free GPU memory stay on the host."""


class Extractor:
    """A frozen network up to one node. `shape` is what the node holds of one image."""

    def __init__(self, network: nn.Module, spec: FeaturesSpec, images: BatchSource) -> None:
        self._spec = spec
        self._network = _cut(network, spec).to(images.device).eval()
        # Two, where there are two: what a node holds of a batch as a whole is then told from what it holds of each.
        batch_BCHW, _ = images.batch(torch.arange(min(2, len(images))))
        self.shape = self._checked(self._activations(batch_BCHW), len(batch_BCHW))
        if spec.pooling == "average":
            self._check_pooling(batch_BCHW)
        self.dimension = self.shape[0] if spec.pooling == "average" else int(np.prod(self.shape))

    @torch.inference_mode()
    def vectors(self, batch_BCHW: Tensor) -> Tensor:
        """Return one vector for each image, B x D, float32."""
        values = self._activations(batch_BCHW)
        if self._spec.pooling == "average":
            values = values.mean(dim=(2, 3))
        # A node may be a view, as the first token of a transformer is.
        return values.flatten(start_dim=1).float().contiguous()

    @torch.inference_mode()
    def _activations(self, batch_BCHW: Tensor) -> Tensor:
        return self._network(batch_BCHW)["out"]

    def _checked(self, values: object, count: int) -> tuple[int, ...]:
        node, arch = self._spec.node, self._spec.arch
        if (
            not isinstance(values, Tensor)
            or values.ndim < 2
            or len(values) != count
            or not values.is_floating_point()
        ):
            raise InvalidSpec(
                f"features.node is {node!r}; this node of {arch} holds no values of each image."
            )
        return tuple(values.shape[1:])

    def _check_pooling(self, batch_BCHW: Tensor) -> None:
        node = self._spec.node
        if len(self.shape) != 3:
            raise InvalidSpec(
                f"features.pooling is 'average'; node {node} has no height and width: use 'none'."
            )
        channels, height, width = self.shape
        # Images are square. Where even the channels are as many, a wider image shows which dimension is its width.
        is_last = width == height
        if is_last and channels == width:
            is_last = self._activations(torch.cat([batch_BCHW, batch_BCHW], dim=3)).shape[3] > width
        if not is_last:
            raise InvalidSpec(
                f"features.pooling is 'average'; node {node} of {self._spec.arch} is "
                f"{' x '.join(map(str, self.shape))}, not channels x height x width: use 'none'."
            )


def _cut(network: nn.Module, spec: FeaturesSpec) -> nn.Module:
    """Return the network up to the node.

    Raises:
        UnknownName: there is no such node; the near ones are named.
    """
    try:
        return create_feature_extractor(network, {spec.node: "out"}, suppress_diff_warning=True)
    except ValueError:
        names, _ = get_graph_node_names(network, suppress_diff_warning=True)
        known = {name for node in names for name in _with_modules(node)}
        if spec.node in known:
            raise
        raise UnknownName(f"node of {spec.arch}", spec.node, known) from None


def _with_modules(node: str) -> Iterator[str]:
    """Yield a node's name and those of the modules that hold it: each stands for its output."""
    parts = node.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts) + 1))


@dataclass(frozen=True)
class Statistics:
    """Mean and deviation of each feature over the training vectors: D each, in double precision."""

    mean: np.ndarray
    deviation: np.ndarray

    @property
    def divisor(self) -> np.ndarray:
        """The deviations as float32; a feature that never changes divides by 1."""
        deviation_D = self.deviation.astype(np.float32)
        return np.where(deviation_D > 0, deviation_D, np.float32(1))

    def mean_square_norm(self, *, standardized: bool) -> float:
        """Return the mean over the training vectors of their squared length: a large one saturates a softmax."""
        variance_D = self.deviation**2
        if standardized:
            return float((variance_D / self.divisor.astype(np.float64) ** 2).sum())
        return float((variance_D + self.mean**2).sum())


class RunningStatistics:
    """The statistics in one pass. Sums are of differences from the first vector.

    So the deviation of a feature that never changes is exactly 0, and no variance is the small difference of two
    large numbers.
    """

    def __init__(self) -> None:
        self._count = 0
        self._first_D: Tensor | None = None
        self._sum_D: Tensor
        self._squares_D: Tensor

    @torch.inference_mode()
    def add(self, vectors_BD: Tensor) -> None:
        if self._first_D is None:
            self._first_D = vectors_BD[0].double()
            self._sum_D, self._squares_D = torch.zeros_like(self._first_D), torch.zeros_like(self._first_D)
        differences_BD = vectors_BD.double() - self._first_D
        self._count += len(vectors_BD)
        self._sum_D += differences_BD.sum(dim=0)
        self._squares_D += differences_BD.square_().sum(dim=0)

    def result(self) -> Statistics:
        assert self._first_D is not None
        mean_difference_D = self._sum_D / self._count
        variance_D = (self._squares_D / self._count - mean_difference_D**2).clamp(min=0)
        return Statistics((self._first_D + mean_difference_D).cpu().numpy(), variance_D.sqrt().cpu().numpy())


class Standardization:
    """Subtracts the mean of each feature and divides by its deviation, in place."""

    def __init__(self, statistics: Statistics, device: torch.device) -> None:
        self._mean_D = torch.from_numpy(statistics.mean.astype(np.float32)).to(device)
        self._divisor_D = torch.from_numpy(statistics.divisor).to(device)

    def __call__(self, vectors_BD: Tensor) -> None:
        vectors_BD.sub_(self._mean_D).div_(self._divisor_D)


class StoredVectors:
    """One half of a data set as vectors from a memory-mapped array, on the GPU where they fit."""

    def __init__(
        self,
        vectors_ND: np.ndarray,
        labels_N: Tensor,
        *,
        standardization: Standardization | None,
        largest_batch: int,
        device: torch.device,
    ) -> None:
        self.device = device
        self._labels_N = labels_N.to(device)
        self._standardization = standardization
        self._vectors_ND = torch.from_numpy(vectors_ND)
        if device.type == "cuda" and vectors_ND.nbytes <= torch.cuda.mem_get_info(device)[0] * _SHARE_OF_GPU:
            self._vectors_ND = self._vectors_ND.to(device)
        self._buffer_BD = torch.empty((min(largest_batch, len(self)), vectors_ND.shape[1]), device=device)

    def __len__(self) -> int:
        return len(self._labels_N)

    def batch(self, picked_B: Tensor) -> tuple[Tensor, Tensor]:
        batch_BD = self._buffer_BD[: len(picked_B)]
        device_picked_B = picked_B.to(self.device, non_blocking=True)
        if self._vectors_ND.device.type == self.device.type:
            torch.index_select(self._vectors_ND, 0, device_picked_B, out=batch_BD)
        else:
            batch_BD.copy_(self._vectors_ND[picked_B].pin_memory(), non_blocking=True)
        if self._standardization:
            self._standardization(batch_BD)
        return batch_BD, self._labels_N[device_picked_B]

    def start_epoch(self, seed: int, epoch: int) -> None:
        """Nothing is drawn at random: features and augmentation exclude each other."""


class RemadeVectors:
    """One half of a data set as vectors that are made of its images at each batch, where they cannot be kept."""

    def __init__(self, extractor: Extractor, images: BatchSource, *, largest_batch: int) -> None:
        self.device = images.device
        self.standardization: Standardization | None = None
        self._extractor = extractor
        self._images = images
        self._buffer_BD = torch.empty(
            (min(largest_batch, len(images)), extractor.dimension), device=images.device
        )

    def __len__(self) -> int:
        return len(self._images)

    def batch(self, picked_B: Tensor) -> tuple[Tensor, Tensor]:
        batch_BD = self._buffer_BD[: len(picked_B)]
        labels = []
        start = 0
        for part_B in picked_B.split(BATCH_IMAGES[self.device.type]):
            images_BCHW, labels_B = self._images.batch(part_B)
            batch_BD[start : start + len(part_B)].copy_(self._extractor.vectors(images_BCHW))
            labels.append(labels_B)
            start += len(part_B)
        if self.standardization:
            self.standardization(batch_BD)
        return batch_BD, torch.cat(labels)

    def start_epoch(self, seed: int, epoch: int) -> None:
        """Nothing is drawn at random: features and augmentation exclude each other."""


def write_header(file: IO[bytes], shape: tuple[int, ...], dtype: str = "<f4") -> None:
    """Begin an npy file; the values follow as they are made.

    Not through a memory map: a full disk would end the process there, and is an error here.
    """
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def write_array(path: Path, values: np.ndarray) -> None:
    """Write an npy file. Not by np.save: its error does not say that it was the disk that is full."""
    with path.open("wb") as file:
        write_header(file, values.shape, values.dtype.str)
        file.write(np.ascontiguousarray(values).data)
