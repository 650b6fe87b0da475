"""Makes the strokes of a picture thinner or thicker: grey-level erosion and dilation (Serra, 1982)."""

from torch import Tensor
from torch.nn import functional


def thicken(pictures: Tensor, size_px: int) -> Tensor:
    """Return (B, 1, H, W) where each pixel is the most ink in a square of `size_px` around it."""
    # An even square has no centre pixel: it reaches one pixel further to the left and up.
    before, after = size_px // 2, (size_px - 1) // 2
    padded = functional.pad(pictures, (before, after, before, after))  # (B, 1, H + size - 1, W + size - 1)
    return functional.max_pool2d(padded, size_px, stride=1)  # (B, 1, H, W)


def thin(pictures: Tensor, size_px: int) -> Tensor:
    """Return (B, 1, H, W) where each pixel is the least ink, 0 to 1, in a square of `size_px` around it."""
    return 1 - thicken(1 - pictures, size_px)
