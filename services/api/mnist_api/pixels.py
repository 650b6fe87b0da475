"""Brings decoded pictures of every mode to 8-bit grey or colour, upright, opaque and of a working size."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

Pixels: TypeAlias = npt.NDArray[np.uint8]

#: Longer side, in pixels, on which ink is looked for: larger pictures are averaged down.
WORKING_SIDE = 400

_DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
#: Least range of a deep picture as a share of its largest value: less is the noise of an even surface.
_LEAST_RANGE = 0.02
#: Samples that are made float at once: all of a large picture's would take eight times its memory.
_BLOCK = 262_144


def pixels_of(image: Image.Image) -> Pixels:
    """Return the picture's pixels, (h, w) grey or (h, w, 3) colours, uint8.

    Raises:
        OSError, ValueError and others: Pillow's, when the file is broken.
    """
    image.load()
    turned = upright(image)
    shallow = with_eight_bits(turned)
    return without_colour(np.asarray(on_ground(to_working_size(shallow))))


def upright(image: Image.Image) -> Image.Image:
    """Return the picture turned as its EXIF orientation says."""
    return ImageOps.exif_transpose(image) if image.getexif() else image


def with_eight_bits(image: Image.Image) -> Image.Image:
    """Return the picture in mode L, LA, RGB or RGBA."""
    if image.mode in _DEEP_MODES:
        return Image.fromarray(stretched(np.asarray(image)))
    if image.has_transparency_data:
        return image.convert("LA" if image.mode in ("LA", "La") else "RGBA")
    if image.mode in ("1", "L"):
        return image.convert("L")
    return image.convert("RGB")


def stretched(deep: npt.NDArray[np.generic]) -> Pixels:
    """Return deep grey with its smallest value at 0 and its largest at 255, (h, w) uint8.

    What a 16-bit or float file means by white is anyone's guess: scanners write 12 bits into 16, others 0.0 to 1.0.
    """
    stretch = np.zeros(deep.size, np.uint8)
    starts = range(0, deep.size, _BLOCK)
    ranges = [_range(_finite(deep, start)) for start in starts]
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    if high - low > _LEAST_RANGE * max(abs(low), abs(high)):
        for start in starts:
            stretch[start : start + _BLOCK] = (_finite(deep, start) - low) * (255 / (high - low))
    return stretch.reshape(deep.shape)


def _range(block: npt.NDArray[np.float64]) -> tuple[float, float]:
    return float(block.min()), float(block.max())


def _finite(deep: npt.NDArray[np.generic], start: int) -> npt.NDArray[np.float64]:
    block = deep.reshape(-1)[start : start + _BLOCK].astype(np.float64)
    return np.nan_to_num(block, nan=0, posinf=0, neginf=0) if deep.dtype.kind == "f" else block


def to_working_size(image: Image.Image) -> Image.Image:
    """Return the picture with at most `WORKING_SIDE` pixels on its longer side, each the mean of those it covers."""
    long = max(image.size)
    if long <= WORKING_SIDE:
        return image
    width, height = (max(1, round(length * WORKING_SIDE / long)) for length in image.size)
    return image.resize((width, height), Image.Resampling.BOX)


def without_colour(pixels: Pixels) -> Pixels:
    """Return colours that are all grey as grey, (h, w) uint8; others as they are."""
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        return pixels[..., 0]
    return pixels


def on_ground(image: Image.Image) -> Image.Image:
    """Return a picture with alpha laid over what its ink stands out from, in mode L or RGB."""
    if image.mode not in ("LA", "RGBA"):
        return image
    ground = Image.new("RGBA", image.size, (*[ground_of(image)] * 3, 255))
    return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")


def ground_of(image: Image.Image) -> int:
    """Return the grey, 0 to 255, to lay the picture over.

    Little ink on nothing, a canvas, gets the opposite of its brightness. A picture that is mostly solid, such as one
    with rounded corners, gets its own most common brightness.
    """
    grey, alpha = (np.asarray(band, np.float32) for band in image.convert("LA").split())
    if not alpha.any():
        return 0
    if alpha.mean() > 0.5 * 255 and np.ptp(np.percentile(grey[alpha > 127], (2, 98))) > 48:
        return int(np.median(grey[alpha > 127]))
    return 255 if np.average(grey, weights=alpha) < 128 else 0
