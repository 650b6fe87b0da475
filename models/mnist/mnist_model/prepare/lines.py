"""Removes ruled lines from ink: thin, straight, printed lines from border to border."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from mnist_model.prepare.morphology import Grey, Labels, Mask, apply_opening, dilate

#: Least strength of a printed line, of 255: far below a stroke's, because paper shows through.
MIN_LINE = 20
#: Ruled lines: steepest tilt (about 3.4 degrees), least covered share, most thickness as a share of the longer side.
MAX_TILT = 0.06
MIN_COVERAGE = 0.8
MAX_THICKNESS = 0.02
#: A line's strongest pixel over its median.
LINE_SPREAD = 1.8
#: Columns that are counted together in search of lines, and the coverage that may be lost by that.
BLOCK = 16
SLACK = 0.1


def remove_ruled_lines(ink: Grey) -> Grey:
    """Return the ink without thin straight lines from border to border, (h, w) uint8.

    A stroke that crosses a line stays: across the line, its ink is longer than the line is thick.
    """
    return _remove_level_lines(_remove_level_lines(ink).T).T


def _remove_level_lines(ink: Grey) -> Grey:
    # Most pictures have no ink at all in a fifth of their columns.
    if np.count_nonzero(ink.max(0) >= MIN_LINE) < MIN_COVERAGE * ink.shape[1]:
        return ink
    limit = dilate(_draw_lines(ink), 5, 1)
    thickness = int(MAX_THICKNESS * max(ink.shape)) + 3 | 1
    is_thick = apply_opening(np.where(ink >= MIN_LINE, 255, 0).astype(np.uint8), thickness, 1) > 0
    return np.where((ink <= limit) & ~is_thick, 0, ink).astype(np.uint8)


def _draw_lines(ink: Grey) -> Grey:
    # For each pixel on a line, this is the strongest print to expect there; elsewhere 0. A pen along the line is
    # stronger than print. Three pixels count for one, so that a line between two rows still covers one of them.
    ink = dilate(ink, 3, 1)
    height, width = ink.shape
    margin = int(width * MAX_TILT)
    room = np.ascontiguousarray(np.pad(ink, ((2 * margin, 2 * margin), (0, 0))))
    lines = np.zeros(room.shape, np.uint8)
    for places in _find_candidates(ink >= MIN_LINE, _list_shifts(margin, width)):
        places = places + 2 * margin * width
        inside = (places >= 2 * margin * width) & (places < (2 * margin + height) * width)
        values = room.ravel()[places]
        found = _are_lines(values >= MIN_LINE, inside)
        limits = (LINE_SPREAD * _find_medians(values[found], inside[found])).clip(max=255)
        np.maximum.at(lines.ravel(), places[found], np.rint(limits).astype(np.uint8)[:, None])
    return lines[2 * margin : 2 * margin + height]


def _list_shifts(margin: int, width: int) -> Labels:
    """Return by how many pixels each tilted line is lower than its middle, (tilts, w).

    One step tilts a line by one pixel from border to border.
    """
    tilts = np.arange(-margin, margin + 1)[:, None] / width
    return np.rint(tilts * (np.arange(width) - width / 2)).astype(np.intp)


def _find_candidates(mask: Mask, shifts: Labels) -> Iterator[Labels]:
    """Yield the flat indices of the pixels of lines that may be covered enough, (lines, w); some lie outside.

    The covered pixels are counted in blocks, and a line takes a block at the height of its middle.
    """
    height, width = mask.shape
    margin = len(shifts) // 2
    starts = np.arange(0, width, BLOCK)
    counts = np.add.reduceat(mask.view(np.uint8), starts, axis=1).T  # (blocks, h)
    room = np.pad(counts, ((0, 0), (2 * margin, 2 * margin)))
    shifted = sliding_window_view(room, height + 2 * margin, axis=1)  # (blocks, shifts, rows)
    middles = np.minimum(starts + BLOCK // 2, width - 1)
    for shift in shifts:
        covered = shifted[np.arange(len(starts)), margin + shift[middles]].sum(0, dtype=np.uint16)  # (rows,)
        rows = np.flatnonzero(covered >= (MIN_COVERAGE - SLACK) * width) - margin
        if len(rows):
            yield (rows[:, None] + shift) * width + np.arange(width)


def _are_lines(covered: Mask, inside: Mask) -> Mask:
    """Tell which lines are covered enough and reach both borders of the picture, (lines,)."""
    width = covered.shape[1]
    end = inside.sum(1, keepdims=True) // 50 + 1
    place = inside.cumsum(1)  # 1, 2, ... inside
    starts = (covered & (place <= end)).any(1)
    ends = (covered & (place > place[:, -1:] - end)).any(1)
    return starts & ends & (np.count_nonzero(covered, axis=1) >= MIN_COVERAGE * width)


def _find_medians(values: Grey, inside: Mask) -> npt.NDArray[np.float64]:
    """Return the median of each line's values inside the picture, (lines,)."""
    ordered = np.sort(np.where(inside, values, 255), axis=1)
    count, line = inside.sum(1), np.arange(len(values))
    return (ordered[line, (count - 1) // 2].astype(np.float64) + ordered[line, count // 2]) / 2
