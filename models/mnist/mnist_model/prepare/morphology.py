"""Grey-level morphology and connected pieces, in numpy alone."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Grey: TypeAlias = npt.NDArray[np.uint8]
Mask: TypeAlias = npt.NDArray[np.bool_]
Labels: TypeAlias = npt.NDArray[np.intp]


def dilate(grey: Grey, height: int, width: int) -> Grey:
    """Return the maximum over a window of odd `height` and `width` around each pixel, (h, w) uint8.

    Pixels outside the picture do not count.
    """
    for axis, size in enumerate((height, width)):
        grey = _slide_maximum(grey, size, axis)
    return grey


def erode(grey: Grey, height: int, width: int) -> Grey:
    """Return the minimum over a window of odd `height` and `width` around each pixel, (h, w) uint8."""
    return ~dilate(~grey, height, width)


def apply_opening(grey: Grey, height: int, width: int) -> Grey:
    """Erode, then dilate: remove light parts that are too small for a `height` x `width` window, (h, w) uint8."""
    return dilate(erode(grey, height, width), height, width)


def label_pieces(mask: Mask) -> Labels:
    """Return the label of each pixel's piece, (h, w); pixels outside the mask get 0. Pieces touch at sides or corners.

    A label is 1 + the largest flat index in the piece. Each round passes the largest label to the neighbours, to the
    piece's former root, and along the chain of roots. So the rounds grow with the logarithm of a stroke's length.
    """
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    roots = np.arange(mask.size + 1)
    while True:
        spread = np.where(mask, _spread_maximum(labels), 0)
        changed = spread != labels
        if not changed.any():
            return labels
        np.maximum.at(roots, labels[changed], spread[changed])
        roots = roots[roots]
        labels = roots[spread]


def _slide_maximum(grey: Grey, size: int, axis: int) -> Grey:
    reach = min(size // 2, grey.shape[axis] - 1)
    pad = [(0, 0), (0, 0)]
    pad[axis] = (reach, reach)
    line = np.moveaxis(np.pad(grey, pad), axis, 0)
    # Each round joins two windows: 1, 2, 4, ... The last two overlap, which does not change a maximum.
    window = 1
    while window < 2 * reach + 1:
        step = min(window, 2 * reach + 1 - window)
        line = np.maximum(line[:-step], line[step:])
        window += step
    return np.moveaxis(line, 0, axis)


def _spread_maximum(labels: Labels) -> Labels:
    tall = labels.copy()
    np.maximum(tall[1:], labels[:-1], out=tall[1:])
    np.maximum(tall[:-1], labels[1:], out=tall[:-1])
    wide = tall.copy()
    np.maximum(wide[:, 1:], tall[:, :-1], out=wide[:, 1:])
    np.maximum(wide[:, :-1], tall[:, 1:], out=wide[:, :-1])
    return wide
