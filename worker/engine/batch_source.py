"""What a training takes its batches from: images, or the features that a frozen network makes of them."""

from typing import Protocol

import torch
from torch import Tensor


class BatchSource(Protocol):
    """One half of a data set (training or test). A batch is valid until the next call."""

    @property
    def device(self) -> torch.device: ...

    def __len__(self) -> int: ...

    def batch(self, picked_B: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the network takes, and the labels, at the positions `picked_B` (on the CPU)."""
        ...

    def start_epoch(self, seed: int, epoch: int) -> None:
        """Fix what is drawn at random in this epoch."""
        ...


class Part:
    """Some of the images or vectors of a source, by their positions in it."""

    def __init__(self, source: BatchSource, positions_N: Tensor) -> None:
        self.device = source.device
        self._source = source
        self._positions_N = positions_N

    def __len__(self) -> int:
        return len(self._positions_N)

    def batch(self, picked_B: Tensor) -> tuple[Tensor, Tensor]:
        return self._source.batch(self._positions_N[picked_B])

    def start_epoch(self, seed: int, epoch: int) -> None:
        self._source.start_epoch(seed, epoch)
