"""Changes a batch of training pictures a little: each picture in one way only, or in all ways slightly.

Half of every batch is changed here. With the broad changes of `augment.py` alone, the network would seldom see an
ordinary digit of MNIST; together with dropout, broad changes alone make its task too hard.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from mnist_training.stroke import thicken, thin
from mnist_training.warp import Affine, warp

ANGLE_DEG = 15.0
SHIFT_PX = 4
THIN_PX, THICK_PX = 2, 3
NOISE_MAX = 0.2
# Differences between two people's digits; all apply at once.
SLIGHT_ANGLE_DEG, SLIGHT_SCALE, SLIGHT_SLANT, SLIGHT_SHIFT_PX = 8.0, 0.1, 0.1, 1.0


class Gentle(nn.Module):
    """Applies one change to each eighth of a batch; draws from torch's global generator."""

    def __init__(self) -> None:
        super().__init__()
        self._blur = v2.RandomApply([v2.GaussianBlur(kernel_size=7, sigma=1.0)], p=0.5)

    def forward(self, images: Tensor) -> Tensor:
        """Return changed pictures, (B, 28, 28) uint8 in and out, 0 = background, 255 = ink."""
        pictures = images.unsqueeze(1) / 255  # (B, 1, 28, 28)
        changes: list[Callable[[Tensor], Tensor]] = [
            move_slightly, move_slightly, shift, turn, thin_out, thicken_up, add_grain, self._blur,
        ]  # fmt: skip
        groups = torch.tensor_split(pictures, len(changes))
        changed = torch.cat([change(group) for change, group in zip(changes, groups, strict=True)])
        return (changed * 255).round().to(torch.uint8).squeeze(1)  # (B, 28, 28)


def move_slightly(pictures: Tensor) -> Tensor:
    """Return (B, 1, 28, 28) turned, scaled, slanted and shifted by a little."""
    count = len(pictures)
    affine = Affine(
        angle_deg=SLIGHT_ANGLE_DEG * _draw_either_way(count),
        scale=1 + SLIGHT_SCALE * _draw_either_way(count, 2),
        slant=SLIGHT_SLANT * _draw_either_way(count),
        shift_px=SLIGHT_SHIFT_PX * _draw_either_way(count, 2),
    )
    return warp(pictures, affine)


def shift(pictures: Tensor) -> Tensor:
    """Return (B, 1, 28, 28) shifted by whole pixels."""
    shift_px = torch.randint(-SHIFT_PX, SHIFT_PX + 1, (len(pictures), 2)).float()
    return warp(pictures, replace(Affine.identity(len(pictures)), shift_px=shift_px))


def turn(pictures: Tensor) -> Tensor:
    """Return (B, 1, 28, 28) rotated."""
    return warp(
        pictures, replace(Affine.identity(len(pictures)), angle_deg=ANGLE_DEG * _draw_either_way(len(pictures)))
    )


def thin_out(pictures: Tensor) -> Tensor:
    """Return (B, 1, 28, 28) with strokes one pixel thinner."""
    return thin(pictures, THIN_PX)


def thicken_up(pictures: Tensor) -> Tensor:
    """Return (B, 1, 28, 28) with strokes two pixels thicker."""
    return thicken(pictures, THICK_PX)


def add_grain(pictures: Tensor) -> Tensor:
    """Return (B, 1, 28, 28) with Gaussian noise."""
    deviation = NOISE_MAX * torch.rand(len(pictures), 1, 1, 1)
    return (pictures + deviation * torch.randn(pictures.shape)).clamp(0, 1)


def _draw_either_way(*shape: int) -> Tensor:
    return torch.empty(shape).uniform_(-1, 1)
