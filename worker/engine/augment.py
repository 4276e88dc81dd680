"""Augmentation: training images mirrored and shifted anew in each epoch, on the device that holds them.

Shapes: B images of a batch, N of a data set, C channels, H height, W width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Changes:
    """How each of N images is changed: shifted by (down, right) pixels, which may be negative, then mirrored or not."""

    mirrored: Tensor
    shifts: Tensor
    """N x 2."""

    @classmethod
    def drawn(cls, count: int, furthest: int, generator: torch.Generator) -> "Changes":
        """Draw changes for `count` images; no shift goes over `furthest` pixels."""
        return cls(
            torch.rand(count, generator=generator) < 0.5,
            torch.randint(-furthest, furthest + 1, (count, 2), generator=generator),
        )

    def of(self, picked_B: Tensor) -> "Changes":
        return Changes(self.mirrored[picked_B], self.shifts[picked_B])

    def apply(self, images_BCHW: Tensor) -> Tensor:
        """Return the images changed; what comes in from beyond an edge is black."""
        count, channels, height, width = images_BCHW.shape
        device = images_BCHW.device
        mirrored_B1 = self.mirrored.to(device, non_blocking=True)[:, None]
        down_B1, right_B1 = self.shifts.to(device, non_blocking=True)[:, :, None].unbind(dim=1)
        row_BH = torch.arange(height, device=device) - down_B1
        column_W = torch.arange(width, device=device)
        column_BW = torch.where(mirrored_B1, width - 1 - column_W, column_W) - right_B1
        # One look-up of whole pixels, as they lie in memory where images are stored channels last.
        first_B11 = torch.arange(count, device=device)[:, None, None] * (height * width)
        row_BH1, column_B1W = row_BH.clamp(0, height - 1)[:, :, None], column_BW.clamp(0, width - 1)[:, None]
        source_BHW = first_B11 + row_BH1 * width + column_B1W
        pixels = images_BCHW.permute(0, 2, 3, 1).reshape(-1, channels)
        changed_BHWC = pixels[source_BHW.view(-1)].view(count, height, width, channels)
        beyond_BHW = _outside(row_BH, height)[:, :, None] | _outside(column_BW, width)[:, None]
        return changed_BHWC.masked_fill_(beyond_BHW[..., None], 0).permute(0, 3, 1, 2)


def _outside(positions: Tensor, size: int) -> Tensor:
    return (positions < 0) | (positions >= size)
