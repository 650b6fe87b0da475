"""Draws the digit of a 28x28 picture at any size, with smooth strokes or a pen's line.

Only `photographs.py` uses this.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Bytes: TypeAlias = npt.NDArray[np.uint8]
Mask: TypeAlias = npt.NDArray[np.bool_]


def crop(digit: Bytes) -> Bytes:
    """Return the part of the digit that holds ink, (h, w) uint8."""
    rows, columns = np.nonzero(digit > 32)
    return digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def upscale(digit: Bytes, side: int) -> Floats:
    """Return smooth strokes with `side` pixels on the longer side, (h, w) 0..1: a soft threshold hides the grid."""
    padded = Image.fromarray(np.pad(digit, 2))
    scale = side / max(digit.shape)
    size = (round(padded.width * scale), round(padded.height * scale))
    smooth = padded.resize(size, Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(scale * 0.4))
    sharp = np.clip((np.asarray(smooth, np.float32) / 255 - 0.45) * max(scale, 2) + 0.5, 0, 1)
    rows, columns = np.nonzero(sharp)
    strokes: Floats = sharp[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return strokes


def write(digit: Bytes, side: int, pen: float) -> Floats:
    """Return the digit's middle line drawn with a round pen of `pen` pixels, (h, w) 0..1."""
    line = thin(upscale(digit, 96) > 0.5)
    scale = 2 * side / 96
    image = Image.new("L", (round(line.shape[1] * scale + 4 * pen), round(line.shape[0] * scale + 4 * pen)))
    draw = ImageDraw.Draw(image)
    for y, x in np.argwhere(line):
        at = (x * scale + 2 * pen, y * scale + 2 * pen)
        draw.ellipse((at[0] - pen, at[1] - pen, at[0] + pen, at[1] + pen), fill=255)
        for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
            if y + dy < line.shape[0] and 0 <= x + dx < line.shape[1] and line[y + dy, x + dx]:
                draw.line((*at, at[0] + dx * scale, at[1] + dy * scale), fill=255, width=round(2 * pen))
    half = image.reduce(2)
    return np.asarray(half.crop(half.getbbox()), np.float32) / 255


def thin(mask: Mask) -> Mask:
    """Return the middle lines of the strokes (Zhang and Suen, Communications of the ACM 27, 1984)."""
    image = np.pad(mask, 1)
    while True:
        before = int(image.sum())
        for second in (False, True):
            p = [np.roll(image, shift, (0, 1)) for shift in
                 ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))]  # fmt: skip
            count = sum(q.astype(int) for q in p)
            turns = sum((~a & b).astype(int) for a, b in zip(p, p[1:] + p[:1], strict=True))
            n, e, s, w = p[0], p[2], p[4], p[6]
            free = ~(n & e & w) & ~(n & s & w) if second else ~(n & e & s) & ~(e & s & w)
            image = image & ~((count >= 2) & (count <= 6) & (turns == 1) & free)
        if int(image.sum()) == before:
            return image[1:-1, 1:-1]


def place(
    digit: Bytes,
    rng: np.random.Generator,
    *,
    side: int,
    fill: tuple[float, float] = (0.3, 0.75),
    pen: float = 0,
    anywhere: float = 1,
) -> Floats:
    """Return the digit somewhere on a square of `side` pixels, (side, side) 0..1.

    `fill` is the digit's share of the side. `pen` is the stroke's width in pixels; 0 keeps the digit's own strokes.
    `anywhere` 0 puts the digit in the middle, 1 as far off as it fits.
    """
    size = int(side * rng.uniform(*fill))
    tight = write(crop(digit), size, pen) if pen else upscale(crop(digit), size)
    square = np.zeros((side, side), np.float32)
    room = np.array(square.shape) - tight.shape
    top, left = (room * (0.5 + rng.uniform(-0.48, 0.48, 2) * anywhere)).astype(int)
    square[top : top + tight.shape[0], left : left + tight.shape[1]] = tight
    return square
