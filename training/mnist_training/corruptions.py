"""Named changes to test pictures: accuracy is measured under each. The same seed gives the same change.

Pictures are (B, 1, 28, 28) float32 from 0 (background) to 1 (ink), before and after.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Generator, Tensor
from torchvision.transforms.v2 import functional as transforms

from mnist_training.stroke import thicken, thin
from mnist_training.warp import Affine, warp

Corruption = Callable[[Tensor, Generator], Tensor]


def keep(pictures: Tensor, _random: Generator) -> Tensor:
    """As MNIST has them."""
    return pictures


def shift(pictures: Tensor, random: Generator) -> Tensor:
    """Shifted by a whole number of px, -4 to 4, in each direction."""
    shift_px = torch.randint(-4, 5, (len(pictures), 2), generator=random).float()
    return warp(pictures, replace(Affine.identity(len(pictures)), shift_px=shift_px))


def rotate(pictures: Tensor, random: Generator) -> Tensor:
    """Rotated by -15 to 15 degrees."""
    return warp(
        pictures, replace(Affine.identity(len(pictures)), angle_deg=_draw_between(-15, 15, len(pictures), random))
    )


def scale(pictures: Tensor, random: Generator) -> Tensor:
    """Scaled by 0.8 to 1.2, width and height each on its own."""
    factors = torch.stack([_draw_between(0.8, 1.2, len(pictures), random) for _ in range(2)], dim=1)  # (B, 2)
    return warp(pictures, replace(Affine.identity(len(pictures)), scale=factors))


def slant(pictures: Tensor, random: Generator) -> Tensor:
    """Slanted by -0.3 to 0.3 px per px, about 17 degrees."""
    return warp(
        pictures, replace(Affine.identity(len(pictures)), slant=_draw_between(-0.3, 0.3, len(pictures), random))
    )


def blur(pictures: Tensor, _random: Generator) -> Tensor:
    """Blurred with a Gaussian of sigma 1 px."""
    blurry: Tensor = transforms.gaussian_blur(pictures, kernel_size=[7, 7], sigma=[1.0, 1.0])
    return blurry


def thin_strokes(pictures: Tensor, _random: Generator) -> Tensor:
    """Eroded with a square of 2 px: strokes lose one px."""
    return thin(pictures, 2)


def thicken_strokes(pictures: Tensor, _random: Generator) -> Tensor:
    """Dilated with a square of 3 px: strokes gain two px."""
    return thicken(pictures, 3)


def add_noise(pictures: Tensor, random: Generator) -> Tensor:
    """Gaussian noise of standard deviation 0.2 on every pixel, clipped to 0 and 1."""
    return (pictures + 0.2 * torch.randn(pictures.shape, generator=random)).clamp(0, 1)


def add_speckles(pictures: Tensor, random: Generator) -> Tensor:
    """Salt and pepper: one pixel in twenty is fully ink or fully background, whichever."""
    draw = torch.rand(pictures.shape, generator=random)
    return pictures.masked_fill(draw < 0.025, 0.0).masked_fill(draw > 0.975, 1.0)


def fade(pictures: Tensor, random: Generator) -> Tensor:
    """Ink at 30 to 70 % of its strength."""
    return pictures * _draw_between(0.3, 0.7, len(pictures), random).view(-1, 1, 1, 1)


def scribble(pictures: Tensor, random: Generator) -> Tensor:
    """Rotated, thinned or thickened by one px, blurred, faint and slightly noisy, all at once."""
    turned = rotate(pictures, random)
    is_thin = torch.rand((len(pictures), 1, 1, 1), generator=random) < 0.5
    drawn = fade(blur(torch.where(is_thin, thin(turned, 2), thicken(turned, 2)), random), random)
    return (drawn + 0.05 * torch.randn(pictures.shape, generator=random)).clamp(0, 1)


#: By the word for the changed pictures, as in the model card; the card shows the docstrings too.
CORRUPTIONS: dict[str, Corruption] = {
    "clean": keep,
    "shifted": shift,
    "rotated": rotate,
    "scaled": scale,
    "slanted": slant,
    "blurred": blur,
    "thinned": thin_strokes,
    "thickened": thicken_strokes,
    "noisy": add_noise,
    "speckled": add_speckles,
    "faint": fade,
    "scribbled": scribble,
}


def corrupt(images: Tensor, name: str, *, seed: int) -> Tensor:
    """Change raw pictures, (N, 28, 28) uint8 in and out, by the corruption of that name."""
    random = Generator().manual_seed(seed)
    pictures = images.unsqueeze(1) / 255  # (N, 1, 28, 28)
    return (CORRUPTIONS[name](pictures, random) * 255).round().to(torch.uint8).squeeze(1)  # (N, 28, 28)


def _draw_between(low: float, high: float, count: int, random: Generator) -> Tensor:
    return torch.empty(count).uniform_(low, high, generator=random)
