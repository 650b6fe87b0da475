"""Grey-level morphology and connected pieces, in numpy alone."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Grey: TypeAlias = npt.NDArray[np.uint8]
Mask: TypeAlias = npt.NDArray[np.bool_]
Places: TypeAlias = npt.NDArray[np.intp]


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


@dataclass(frozen=True, slots=True)
class Runs:
    """The stretches of rows that belong to a mask, and the piece of each, 1, 2, ... in the order of their last pixels.

    Pieces touch at sides or corners. There are a hundred times fewer runs than pixels, so work on them is quick.
    `starts` and `ends` are flat indices, the second one past the end, in a picture with one column more: at the left,
    and empty, so that no run goes on in the next row.
    """

    shape: tuple[int, ...]
    starts: Places
    ends: Places
    pieces: Places


def find_runs(mask: Mask) -> Runs:
    """Return the runs of a mask, (h, w)."""
    height, width = mask.shape
    flat = np.zeros(height * (width + 1) + 1, bool)
    flat[:-1].reshape(height, width + 1)[:, 1:] = mask
    steps = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts, ends = steps[::2], steps[1::2]
    last = join_runs(starts, ends, width + 1)
    return Runs(mask.shape, starts, ends, np.cumsum(last == np.arange(len(last)))[last])


def draw_pieces(runs: Runs) -> Places:
    """Return the piece of each pixel, (h, w); pixels outside the mask get 0."""
    height, width = runs.shape
    steps = np.stack([runs.starts, runs.ends], axis=1).ravel()
    numbers = np.zeros(len(steps) + 1, np.intp)
    numbers[1::2] = runs.pieces
    lengths = np.diff(steps, prepend=0, append=height * (width + 1))
    return np.repeat(numbers, lengths).reshape(height, width + 1)[:, 1:]


def join_runs(starts: Places, ends: Places, stride: int) -> Places:
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
        while (above := roots[roots]).tobytes() != roots.tobytes():
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
