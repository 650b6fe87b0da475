"""Measures ink: the width of its strokes, its strength, its noise. Resizes pictures for these measurements."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from mnist_model.prepare.morphology import Grey, apply_opening, dilate, erode

AnyNumber = TypeVar("AnyNumber", bound=np.number[Any])

#: Pixels on the longer side while strokes are told from shadows: at this size noise and speckles average out.
COARSE_SIDE = 96
#: Least pixels on the longer side for work on strokes.
SMALLEST_SIDE = 112
#: Window sizes in coarse pixels; one of them just holds a stroke.
WINDOWS = (3, 5, 7, 9, 13, 17, 23, 31, 41, 55)
#: Number of larger windows to compare a window with, and the share of the strongest ink that counts as full strength.
LOOK_AHEAD = 3
FULL_SHARE = 0.6
#: About the rows that suffice to measure the noise.
NOISE_ROWS = 64
#: Coarse pixels on the side of a tile; most that even paper differs from its median, as a share of the whole range;
#: most tiles without such paper.
TILE = 8
EVEN_SHARE = 0.06
MAX_FILLED = 0.08


def enlarge_small(picture: Grey) -> Grey:
    """Enlarge a small picture to `SMALLEST_SIDE` pixels on its longer side: strokes of one pixel have no inside."""
    factor = SMALLEST_SIDE / max(picture.shape)
    if factor <= 1:
        return picture
    height, width = (max(1, round(length * factor)) for length in picture.shape[:2])
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def stroke_window(grey: Grey) -> int:
    """Return the smallest window, in pixels, that fits nowhere into the light strokes of a coarse picture.

    This is the first window beyond which larger windows, up to three times as large, find no more ink at full
    strength. So a thin frame beside a thick digit does not set the size. Shadows are wider and weaker than ink, so
    they do not count.
    """
    windows = [window for window in WINDOWS if window <= max(*grey.shape, WINDOWS[0])]
    # A larger window takes away less of the paper, so the largest finds the strongest ink.
    full = FULL_SHARE * strongest(top_hat(grey, windows[-1]))
    areas: list[int] = []
    counts = _count_full(grey, windows, full)
    for place, window in enumerate(windows):
        areas += islice(counts, place + LOOK_AHEAD + 1 - len(areas))
        if areas[place] and areas[-1] <= 1.05 * areas[place]:
            return window
    return windows[-1]


def _count_full(grey: Grey, windows: list[int], full: float) -> Iterator[int]:
    # The erosion grows with the window; pixels of full strength above the opening are counted.
    eroded, size = grey, 1
    for window in windows:
        more = window - size + 1
        eroded, size = erode(eroded, more, more), window
        yield int(np.count_nonzero(grey - dilate(eroded, window, window) >= full))


def top_hat(grey: Grey, window: int) -> Grey:
    """Return each pixel's strength above the morphological opening with the window, (h, w) uint8."""
    return grey - apply_opening(grey, window, window)


def to_bytes(values: npt.NDArray[np.floating[Any]]) -> Grey:
    """Return the values rounded and clipped to 0..255, uint8."""
    rounded: Grey = np.rint(values).clip(0, 255).astype(np.uint8)
    return rounded


def strongest(ink: Grey) -> float:
    """Return the mean strength of the strongest pixels: one in a thousand, at least 12."""
    count = min(max(12, ink.size // 1000), ink.size)
    strong = ink[ink >= ink.max() // 2]
    counts = np.bincount(strong if len(strong) >= count else ink.ravel(), minlength=256)[::-1]  # of 255, 254, ...
    taken = np.diff(np.minimum(np.cumsum(counts), count), prepend=0)
    return float(taken @ np.arange(255, -1, -1)) / count


def find_median(values: npt.NDArray[AnyNumber], axis: int | None = None) -> npt.NDArray[AnyNumber]:
    """Return the median; of an even number of values, the larger of the two in the middle.

    numpy's own `median` takes ten times as long, and its `partition` of uint8 as well: with an axis, pass wider
    integers. Without one, uint8 are counted.
    """
    if axis is None and values.dtype == np.uint8:
        counts = np.bincount(values.ravel(), minlength=256)
        median: npt.NDArray[AnyNumber] = counts.cumsum().searchsorted(values.size // 2, "right").astype(values.dtype)
        return median
    middle = (values.size if axis is None else values.shape[axis]) // 2
    return np.asarray(np.partition(values, middle, axis).take(middle, axis))


def noise_of(ink: npt.NDArray[np.number[Any]]) -> float:
    """Return the standard deviation of the noise, in grey levels, from the median difference between neighbours."""
    rows = ink[:: 1 + len(ink) // NOISE_ROWS].ravel()
    one, next_one = rows[:-1], rows[1:]
    return float(find_median(np.maximum(one, next_one) - np.minimum(one, next_one))) * 1.05  # 1.4826 / sqrt(2)


def has_even_paper(coarse: Grey) -> bool:
    """Tell whether the paper under light ink is equally dark in nearly every tile of a coarse picture.

    Such ink needs no more than the paper's one level. A tile that a thick stroke fills shows no paper.
    """
    rows, columns = (-(-length // TILE) for length in coarse.shape)
    room = np.full((rows * TILE, columns * TILE), 255, np.uint8)
    room[: coarse.shape[0], : coarse.shape[1]] = coarse
    bands = room.reshape(rows, TILE, columns * TILE).min(1)
    tiles = bands.reshape(rows, columns, TILE).min(2).astype(np.int16)
    differs = np.abs(tiles - find_median(tiles)) > EVEN_SHARE * np.ptp(coarse)
    return float(differs.mean()) <= MAX_FILLED


def shrink(picture: Grey, side: int) -> Grey:
    """Return the picture with about `side` pixels on its longer side, or fewer; each is the mean of a block."""
    return np.asarray(shrink_image(Image.fromarray(picture), side))


def shrink_image(image: Image.Image, side: int) -> Image.Image:
    """Do what `shrink` does."""
    factor = round(max(image.size) / side)
    return image if factor <= 1 else image.reduce(factor)
