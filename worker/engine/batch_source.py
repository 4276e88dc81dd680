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
