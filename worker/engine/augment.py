"""Augmentation: training images mirrored, shifted and partly blacked out anew in each epoch, on the device that holds them.

Shapes: B images of a batch, N of a data set, C channels, H height, W width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Changes:
    """How each of N images is changed: shifted by (down, right) pixels, which may be negative, then mirrored or not.

    Last of all a square around a pixel is blacked out, where `erased` says which one.
    """

    mirrored: Tensor
    shifts: Tensor
    """N x 2."""
    erased: Tensor | None = None
    """N x 2: row and column of the square's middle."""

    @classmethod
    def drawn(
        cls, count: int, furthest: int, generator: torch.Generator, *, erased_pixels: int | None = None
    ) -> "Changes":
        """Draw changes for `count` images; no shift goes over `furthest` pixels.

        With `erased_pixels`, the side of the images, a square of half of it is blacked out, which may reach over an
        edge. Source: DeVries & Taylor, "Cutout" (arXiv 1708.04552): 16 of the 32 pixels of CIFAR-10.
        """
        mirrored = torch.rand(count, generator=generator) < 0.5
        shifts = torch.randint(-furthest, furthest + 1, (count, 2), generator=generator)
        if erased_pixels is None:
            return cls(mirrored, shifts)
        return cls(mirrored, shifts, torch.randint(erased_pixels, (count, 2), generator=generator))

    def of(self, picked_B: Tensor) -> "Changes":
        erased = None if self.erased is None else self.erased[picked_B]
        return Changes(self.mirrored[picked_B], self.shifts[picked_B], erased)

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
        if self.erased is not None:
            beyond_BHW |= _squares(self.erased.to(device, non_blocking=True), height, width)
        return changed_BHWC.masked_fill_(beyond_BHW[..., None], 0).permute(0, 3, 1, 2)


def _outside(positions: Tensor, size: int) -> Tensor:
    return (positions < 0) | (positions >= size)


def _squares(middles_B2: Tensor, height: int, width: int) -> Tensor:
    """Return, B x H x W, which pixels lie in the square of half an image's side around each middle."""
    row_B1, column_B1 = middles_B2[:, :, None].unbind(dim=1)
    half = max(1, height // 4)
    rows_BH = _within(torch.arange(height, device=middles_B2.device) - row_B1, half)
    columns_BW = _within(torch.arange(width, device=middles_B2.device) - column_B1, half)
    return rows_BH[:, :, None] & columns_BW[:, None]


def _within(distances: Tensor, half: int) -> Tensor:
    return (distances >= -half) & (distances < half)
