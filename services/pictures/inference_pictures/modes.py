"""Converts decoded pictures of every mode to 8-bit grey or colour, turns them upright, and reduces large ones."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageChops

Pixels: TypeAlias = npt.NDArray[np.uint8]

_DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
#: The turn that brings a picture upright, by its EXIF orientation; 1 is upright.
_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: Least range of a deep picture, as a share of its largest value: a smaller range is the noise of an even surface.
_LEAST_RANGE = 0.02
#: Samples that are converted at once: a whole large picture would take up to eight times its memory.
BLOCK = 262_144


def turn_upright(image: Image.Image) -> Image.Image:
    """Return the picture turned as its EXIF orientation says; without one, or with broken EXIF, as it is."""
    turn = _TURNS.get(_read_orientation(image))
    return image if turn is None else image.transpose(turn)


def _read_orientation(image: Image.Image) -> object:
    # Pillow parses the block here, and raises almost anything for a broken one; the pixels are sound all the same.
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except Exception:
        return None


def drop_idle_alpha(image: Image.Image) -> Image.Image:
    """Return a picture without its alpha where that shows the whole picture.

    A bitmap that is transparent everywhere counts as opaque: Windows' clipboard leaves its alpha at 0.
    """
    if image.mode not in ("LA", "RGBA"):
        return image
    # The first pixel of most drawings on nothing is clear, and tells enough.
    first = int(np.asarray(image.crop((0, 0, 1, 1)))[0, 0, -1])
    if first != 255 and (first != 0 or image.format != "BMP"):
        return image
    if image.getchannel("A").getextrema() != (first, first):
        return image
    return image.convert("L") if image.mode == "LA" else drop_colour(image)


def drop_colour(image: Image.Image) -> Image.Image:
    """Return a picture in mode RGB, or RGBA with idle alpha, in mode L if all its colours are grey, else in RGB."""
    # Most coloured pictures show it in the first row already.
    for part in (image.crop((0, 0, image.width, 1)), image):
        red = part.getchannel("R")
        if any(ImageChops.difference(red, part.getchannel(name)).getbbox() for name in "GB"):
            return image if image.mode == "RGB" else image.convert("RGB")
    return red


def to_eight_bits(image: Image.Image) -> Image.Image:
    """Return the picture in mode L, LA, RGB or RGBA."""
    if image.mode in _DEEP_MODES:
        return Image.fromarray(stretch(np.asarray(image)))
    if image.mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in image.info:
        return image  # not a copy: a large one has 256 MB
    if image.has_transparency_data:
        return image.convert("LA" if image.mode in ("LA", "La") else "RGBA")
    if image.mode in ("1", "L"):
        return image.convert("L")
    return image.convert("RGB")


def stretch(deep: npt.NDArray[np.generic]) -> Pixels:
    """Return deep grey with its smallest value at 0 and its largest at 255, (h, w) uint8.

    A 16-bit or float file does not say which value is white: scanners write 12 bits into 16, other tools 0.0 to 1.0.
    """
    stretched = np.zeros(deep.size, np.uint8)
    starts = range(0, deep.size, BLOCK)
    ranges = [_find_range(_read_finite(deep, start)) for start in starts]
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    if high - low > _LEAST_RANGE * max(abs(low), abs(high)):
        for start in starts:
            stretched[start : start + BLOCK] = (_read_finite(deep, start) - low) * (255 / (high - low))
    return stretched.reshape(deep.shape)


def _find_range(block: npt.NDArray[np.float64]) -> tuple[float, float]:
    return float(block.min()), float(block.max())


def _read_finite(deep: npt.NDArray[np.generic], start: int) -> npt.NDArray[np.float64]:
    block = deep.reshape(-1)[start : start + BLOCK].astype(np.float64)
    return np.nan_to_num(block, nan=0, posinf=0, neginf=0) if deep.dtype.kind == "f" else block


def shrink(image: Image.Image, longest_side: int) -> Image.Image:
    """Return the picture with at most `longest_side` pixels on its longer side, and more than half of them.

    Each pixel is the mean of a block of the old ones: whole blocks take a tenth of the time of a resize.
    """
    factor = -(-max(image.size) // longest_side)
    if factor == 1:
        return image
    return _reduce_shown(image, factor) if image.mode in ("LA", "RGBA") else image.reduce(factor)


def _reduce_shown(image: Image.Image, factor: int) -> Image.Image:
    # Pillow weighs each pixel by its alpha, in slow passes, in a copy. Most of a drawing on nothing is empty, and some
    # rows at a time keep the copy small.
    left, top, right, bottom = image.getbbox() or (0, 0, 1, 1)
    left, top = left - left % factor, top - top % factor
    right, bottom = min(right + -right % factor, image.width), min(bottom + -bottom % factor, image.height)
    reduced = Image.new(image.mode, (-(-image.width // factor), -(-image.height // factor)))
    rows = factor * max(1, BLOCK // image.width // factor)
    for at in range(top, bottom, rows):
        shown = image.crop((left, at, right, min(at + rows, bottom)))
        reduced.paste(shown.reduce(factor), (left // factor, at // factor))
    return reduced
