"""Neighbourhoods of pixels: the largest and smallest within a square, and connected pieces; numpy only."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Grey: TypeAlias = npt.NDArray[np.uint8]
Mask: TypeAlias = npt.NDArray[np.bool_]
Labels: TypeAlias = npt.NDArray[np.intp]


def dilated(grey: Grey, height: int, width: int) -> Grey:
    """Return the maximum over a window of odd `height` and `width` around each pixel, (h, w) uint8.

    The window is cut off at the border: nothing outside the picture counts.
    """
    for axis, size in enumerate((height, width)):
        grey = _running_maximum(grey, size, axis)
    return grey


def eroded(grey: Grey, height: int, width: int) -> Grey:
    """Return the minimum over a window of odd `height` and `width` around each pixel, (h, w) uint8."""
    return ~dilated(~grey, height, width)


def opened(grey: Grey, height: int, width: int) -> Grey:
    """Return the picture without what is light and too small to hold a `height` x `width` window, (h, w) uint8."""
    return dilated(eroded(grey, height, width), height, width)


def labelled(mask: Mask) -> Labels:
    """Return a number for each pixel, the same within a piece that touches at sides or corners, (h, w); 0 is none.

    Numbers are 1 + the largest flat index in the piece. Each round hands the largest number to neighbours, to the
    piece's former root, and along the chain of roots, so rounds grow with the logarithm of a stroke's length.
    """
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    roots = np.arange(mask.size + 1)
    while True:
        spread = np.where(mask, _neighbours_maximum(labels), 0)
        changed = spread != labels
        if not changed.any():
            return labels
        np.maximum.at(roots, labels[changed], spread[changed])
        roots = roots[roots]
        labels = roots[spread]


def _running_maximum(grey: Grey, size: int, axis: int) -> Grey:
    reach = min(size // 2, grey.shape[axis] - 1)
    pad = [(0, 0), (0, 0)]
    pad[axis] = (reach, reach)
    line = np.moveaxis(np.pad(grey, pad), axis, 0)
    # Windows of 1, 2, 4, ... are joined; the last join overlaps, which a maximum does not mind.
    window = 1
    while window < 2 * reach + 1:
        step = min(window, 2 * reach + 1 - window)
        line = np.maximum(line[:-step], line[step:])
        window += step
    return np.moveaxis(line, 0, axis)


def _neighbours_maximum(labels: Labels) -> Labels:
    tall = labels.copy()
    np.maximum(tall[1:], labels[:-1], out=tall[1:])
    np.maximum(tall[:-1], labels[1:], out=tall[:-1])
    wide = tall.copy()
    np.maximum(wide[:, 1:], tall[:, :-1], out=wide[:, 1:])
    np.maximum(wide[:, :-1], tall[:, 1:], out=wide[:, :-1])
    return wide
