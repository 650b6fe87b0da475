"""Moves a whole batch of pictures in one step, each by its own amount.

torchvision's transforms draw one set of parameters for all pictures of a call; here every picture has its own. Shift,
turn, scale and slant are a single resampling, so that they blur the picture only once.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

SIDE_PX = 28


@dataclass(frozen=True, slots=True)
class Affine:
    """An affine transform for each picture of a batch: slant, then scale, then turn, then shift.

    Attributes:
        angle_deg: (B,) float32, clockwise for the viewer.
        scale: (B, 2) float32, width and height; above 1 is larger.
        slant: (B,) float32, px to the left per px downwards.
        shift_px: (B, 2) float32, to the right and downwards.
    """

    angle_deg: Tensor
    scale: Tensor
    slant: Tensor
    shift_px: Tensor

    @classmethod
    def identity(cls, count: int) -> "Affine":
        """Return the transform that leaves `count` pictures unchanged."""
        return cls(torch.zeros(count), torch.ones(count, 2), torch.zeros(count), torch.zeros(count, 2))

    def invert(self) -> Tensor:
        """Return (B, 2, 3) float32 for `affine_grid`: it maps places in the result to places in the source, -1 to 1."""
        radians = self.angle_deg.deg2rad()
        cos, sin = radians.cos(), radians.sin()
        turned_back = torch.stack((cos, sin, -sin, cos), dim=1).view(-1, 2, 2)  # (B, 2, 2)
        scaled_back = torch.diag_embed(1 / self.scale)  # (B, 2, 2)
        unslanted = torch.eye(2).repeat(len(radians), 1, 1)  # (B, 2, 2)
        unslanted[:, 0, 1] = self.slant
        linear = unslanted @ scaled_back @ turned_back
        offset = -linear @ (self.shift_px * 2 / SIDE_PX).unsqueeze(2)  # (B, 2, 1)
        return torch.cat((linear, offset), dim=2)  # (B, 2, 3)


def warp(pictures: Tensor, affine: Affine, *, displacement: Tensor | None = None, zoom: int = 1) -> Tensor:
    """Resample pictures once, bilinearly; outside the source is background.

    Args:
        pictures: (B, 1, 28, 28) float32.
        affine: the transform of each picture.
        displacement: (B, 28 * zoom, 28 * zoom, 2) float32, px to add to the place where each pixel reads the source.
        zoom: pixels of the result per pixel of the source.

    Returns:
        (B, 1, 28 * zoom, 28 * zoom) float32.
    """
    side = SIDE_PX * zoom
    size = [len(pictures), 1, side, side]
    grid = functional.affine_grid(affine.invert(), size, align_corners=False)  # (B, side, side, 2)
    if displacement is not None:
        grid = grid + displacement * 2 / SIDE_PX
    return functional.grid_sample(pictures, grid, align_corners=False)  # (B, 1, side, side)
