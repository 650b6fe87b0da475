"""Changes a batch of training pictures at random, within the range of real handwriting.

Pictures are changed a batch at a time: one by one, this would take longer than the network's own work. Place and
shape are drawn for each picture. Stroke and blur are drawn for each group of 32: torchvision draws them once a call.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.transforms import v2

from mnist_training.stroke import thicken, thin
from mnist_training.warp import SIDE_PX, Affine, warp

GROUP_SIZE = 32  # pictures that share stroke and blur: 8 different ones in a batch of 256

# Place and shape. The service centres by mass and scales to 20 px, but a stray dot in a photo shifts both.
ANGLE_DEG = 25.0
SCALE = 0.25  # 0.75 to 1.25
SLANT = 0.4
SHIFT_PX = 4.0
WOBBLE_PX = 1.2  # standard deviation of the hand's wobble at each knot
WOBBLE_KNOTS = 6  # knots of the wobble on a side

# Stroke. It is changed at twice the size, so that it can lose half a pixel; this also smooths edges as a camera does.
ZOOM = 2
STROKES_PX = {"thin": (2, 3), "thick": (3, 5)}  # strokes lose half a pixel or one, or gain one or two

# Light. A pen on paper is fainter than the ink of MNIST, a photo grainier.
BLUR_SIGMA_PX = (0.3, 1.3)
STRENGTH = (0.3, 1.1)  # of the ink; values above 1 are clipped
NOISY_SHARE = 0.25  # share of the pictures with noise: with more, the network would expect noise
NOISE_MAX = 0.3  # standard deviation of the grain
SPECKLE_MAX = 0.08  # share of pixels of salt or pepper


class Thicken(nn.Module):
    """Dilation with a square of `size_px`."""

    def __init__(self, size_px: int) -> None:
        super().__init__()
        self._size_px = size_px

    def forward(self, pictures: Tensor) -> Tensor:
        """Return (B, 1, H, W) with thicker strokes."""
        return thicken(pictures, self._size_px)


class Thin(Thicken):
    """Erosion with a square of `size_px`."""

    def forward(self, pictures: Tensor) -> Tensor:
        """Return (B, 1, H, W) with thinner strokes."""
        return thin(pictures, self._size_px)


class Augment(nn.Module):
    """Changes place, shape, stroke and light of training pictures; draws from torch's global generator."""

    def __init__(self) -> None:
        super().__init__()
        thinner = v2.RandomChoice([Thin(size_px) for size_px in STROKES_PX["thin"]])
        thicker = v2.RandomChoice([Thicken(size_px) for size_px in STROKES_PX["thick"]])
        self._stroke = v2.RandomChoice([v2.Identity(), thinner, thicker], p=[0.34, 0.33, 0.33])
        self._blur = v2.RandomApply([v2.GaussianBlur(kernel_size=7, sigma=BLUR_SIGMA_PX)], p=0.4)

    def forward(self, images: Tensor) -> Tensor:
        """Return changed pictures, (B, 28, 28) uint8 in and out, 0 = background, 255 = ink."""
        pictures = images.unsqueeze(1) / 255  # (B, 1, 28, 28)
        pictures = warp(pictures, draw_affine(len(images)), displacement=draw_wobble(len(images)), zoom=ZOOM)
        groups = [self._draw_pen(group) for group in torch.split(pictures, GROUP_SIZE)]
        pictures = add_noise(torch.cat(groups))  # (B, 1, 28, 28)
        return (pictures * 255).round().to(torch.uint8).squeeze(1)  # (B, 28, 28)

    def _draw_pen(self, pictures: Tensor) -> Tensor:
        pictures = functional.avg_pool2d(self._stroke(pictures), ZOOM)  # (B, 1, 28, 28)
        blurred: Tensor = self._blur(pictures)
        return blurred


def draw_affine(count: int) -> Affine:
    """Return a place and shape for each of `count` pictures."""
    # Each picture has its own severity: with full ranges for all, few would look like handwriting.
    severity = torch.rand(count, 1)
    angle, slant, wider, higher = (severity * torch.empty(count, 4).uniform_(-1, 1)).unbind(dim=1)  # (B,) each
    return Affine(
        angle_deg=ANGLE_DEG * angle,
        scale=1 + SCALE * torch.stack((wider, higher), dim=1),  # (B, 2)
        slant=SLANT * slant,
        shift_px=torch.empty(count, 2).uniform_(-SHIFT_PX, SHIFT_PX),
    )


def draw_wobble(count: int) -> Tensor:
    """Return a smooth displacement for each picture, (B, 28 * ZOOM, 28 * ZOOM, 2) px.

    These are elastic distortions (Simard, Steinkraus, Platt: Best Practices for Convolutional Neural Networks, 2003).
    Here a coarse grid is scaled up; that costs less than to blur a fine grid.
    """
    severity = torch.rand(count, 1, 1, 1)
    knots = severity * WOBBLE_PX * torch.randn(count, 2, WOBBLE_KNOTS, WOBBLE_KNOTS)
    side = SIDE_PX * ZOOM
    wobble = functional.interpolate(knots, size=(side, side), mode="bicubic", align_corners=True)  # (B, 2, side, side)
    return wobble.permute(0, 2, 3, 1)  # (B, side, side, 2)


def add_noise(pictures: Tensor) -> Tensor:
    """Return pictures, (B, 1, 28, 28) from 0 to 1, with fainter ink; some also have grain and speckles."""
    each = (len(pictures), 1, 1, 1)
    strength = torch.empty(each).uniform_(*STRENGTH)
    is_noisy = torch.rand(each) < NOISY_SHARE
    # Less ink, less grain: otherwise nobody could read a faint digit.
    grain = is_noisy * strength * torch.rand(each) * NOISE_MAX
    speckle = is_noisy * torch.rand(each) * SPECKLE_MAX / 2
    draw = torch.rand(pictures.shape)
    grainy = (pictures * strength + grain * torch.randn(pictures.shape)).clamp(0, 1)
    return grainy.masked_fill(draw < speckle, 0.0).masked_fill(draw > 1 - speckle, 1.0)
