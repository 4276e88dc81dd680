"""Mixup: each image of a batch is mixed with another of it, and so is what is asked of it.

Source: Zhang et al., "mixup" (arXiv 1710.09412), with their alpha of 1 for CIFAR-10: all shares are equally likely.
Shapes: B images of a batch, C channels, H height, W width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Mix:
    """Image i holds `share` of itself, at least a half, and the rest of image `partners[i]`."""

    share: float
    partners: Tensor
    """B positions."""

    @classmethod
    def drawn(cls, count: int, generator: torch.Generator) -> "Mix":
        share = float(torch.rand((), generator=generator, dtype=torch.float64))
        # Which of the two is called the partner is free: so the label of an image stays that of its larger part.
        return cls(max(share, 1 - share), torch.randperm(count, generator=generator))

    def to(self, device: torch.device) -> "Mix":
        return Mix(self.share, self.partners.to(device, non_blocking=True))

    def part(self, start: int, end: int) -> "Mix":
        """Return the mix of the images from `start` to `end`."""
        return Mix(self.share, self.partners[start:end])

    def apply(self, images_BCHW: Tensor) -> None:
        """Mix the images in place; `partners` lie where they do."""
        images_BCHW.lerp_(images_BCHW[self.partners], 1 - self.share)
