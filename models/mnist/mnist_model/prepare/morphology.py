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
    return _slide(_slide(grey, height, np.maximum, 0).T, width, np.maximum, 0).T


def erode(grey: Grey, height: int, width: int) -> Grey:
    """Return the minimum over a window of odd `height` and `width` around each pixel, (h, w) uint8."""
    return _slide(_slide(grey, height, np.minimum, 255).T, width, np.minimum, 255).T


def apply_opening(grey: Grey, height: int, width: int) -> Grey:
    """Erode, then dilate: remove light parts that are too small for a `height` x `width` window, (h, w) uint8."""
    return dilate(erode(grey, height, width), height, width)


def label_pieces(mask: Mask) -> Labels:
    """Return the label of each pixel's piece, (h, w); pixels outside the mask get 0. Pieces touch at sides or corners.

    The labels are 1, 2, ..., in the order of the pieces' last pixels. The work is done on runs, the stretches of a row
    that belong to the mask: there are a hundred times fewer of them than pixels.
    """
    height, width = mask.shape
    # One empty column more, so that no run goes on in the next row.
    room = np.zeros((height, width + 1), np.int8)
    room[:, :-1] = mask
    steps = np.flatnonzero(np.diff(room.ravel(), prepend=np.int8(0)))
    starts, ends = steps[::2], steps[1::2]
    roots = join_runs(starts, ends, width + 1)
    labels = np.zeros(2 * len(starts) + 1, np.intp)
    labels[1::2] = np.cumsum(roots == np.arange(len(roots)))[roots]
    lengths = np.diff(steps, prepend=0, append=room.size)
    return np.repeat(labels, lengths).reshape(room.shape)[:, :-1]


def join_runs(starts: Labels, ends: Labels, stride: int) -> Labels:
    """Return for each run the last run of its piece, (n,).

    Args:
        starts: flat indices of the runs' first pixels, ascending.
        ends: one past their last pixels.
        stride: pixels from a row to the next.
    """
    # A run touches those of the next row that end no earlier than it starts, and start no later than it ends.
    first = np.searchsorted(ends, starts + stride)
    counts = np.searchsorted(starts, ends + stride, "right") - first
    upper = np.repeat(np.arange(len(starts)), counts)
    lower = np.arange(len(upper)) - np.repeat(counts.cumsum() - counts - first, counts)
    roots = np.arange(len(starts))
    while len(upper):
        np.maximum.at(roots, upper, lower)
        while not np.array_equal(roots, above := roots[roots]):
            roots = above
        one, other = roots[upper], roots[lower]
        differ = one != other
        upper, lower = np.minimum(one, other)[differ], np.maximum(one, other)[differ]
    return roots


def _slide(grey: Grey, size: int, choose: np.ufunc, outside: int) -> Grey:
    reach = min(size // 2, len(grey) - 1)
    line = np.empty((len(grey) + 2 * reach, grey.shape[1]), np.uint8, "C" if grey.flags.c_contiguous else "F")
    line[:reach], line[reach : reach + len(grey)], line[reach + len(grey) :] = outside, grey, outside
    # Each round joins two windows: 1, 2, 4, ... The last two overlap, which does not change a maximum.
    window = 1
    while window < 2 * reach + 1:
        step = min(window, 2 * reach + 1 - window)
        line = choose(line[:-step], line[step:])
        window += step
    return line
