"""Removes ruled lines from ink: thin, straight, printed lines from border to border."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from mnist_model.prepare.morphology import Grey, Mask, Places, apply_opening, dilate

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
#: Lines that are followed at once: a picture of noise has thousands.
AT_ONCE = 256


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
    top = 2 * margin
    room = np.zeros((top + height + top, width), np.uint8)
    room[top : top + height] = ink
    lines = np.zeros_like(room)
    for rows in _find_candidates(ink >= MIN_LINE, _list_shifts(margin, width), margin):
        places = (rows + top) * width + np.arange(width)
        values = room.ravel()[places]
        first, last = _find_ends(rows, height)
        found = _are_lines(values >= MIN_LINE, first, last)
        limits = LINE_SPREAD * _find_medians(values[found], first[found], last[found])
        order = np.argsort(limits)
        places, strength = places[found][order], np.rint(limits[order].clip(max=255)).astype(np.uint8)
        # Where lines cross, the last of several values stays, which is the largest.
        lines.ravel()[places] = np.maximum(lines.ravel()[places], strength[:, None])
    return lines[top : top + height]


def _list_shifts(margin: int, width: int) -> Places:
    """Return by how many pixels each tilted line is lower than its middle, (tilts, w).

    One step tilts a line by two pixels from border to border, so it misses no line by more than half a pixel.
    """
    tilts = np.arange(-margin, margin + 1, 2)[:, None] / width
    return np.rint(tilts * (np.arange(width) - width / 2)).astype(np.intp)


def _find_candidates(mask: Mask, shifts: Places, margin: int) -> Iterator[Places]:
    """Yield the rows along lines that may be covered enough, (lines, w), some at a time; some rows lie outside.

    The covered pixels are counted in blocks, and a line takes a block at the height of its middle. No shift is larger
    than `margin`.
    """
    height, width = mask.shape
    starts = np.arange(0, width, BLOCK)
    counts = np.add.reduceat(mask.view(np.uint8), starts, axis=1)  # (h, blocks)
    # In noise and specks, not even the fullest blocks near a row suffice, whatever the tilt.
    if dilate(counts, 2 * margin + 1, 1).sum(1).max() < (MIN_COVERAGE - SLACK) * width:
        return
    room = np.pad(counts.T, ((0, 0), (2 * margin, 2 * margin)))
    rows_of = np.arange(height + 2 * margin, dtype=np.intp)
    covered = np.zeros((len(shifts), height + 2 * margin), np.uint16)  # (tilts, rows)
    for block, shift in zip(room, shifts.T[BLOCK // 2 :: BLOCK], strict=False):
        covered += block.take((margin + shift)[:, None] + rows_of)
    tilts, rows = np.nonzero(covered >= (MIN_COVERAGE - SLACK) * width)
    for start in range(0, len(rows), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        yield (rows[some] - margin)[:, None] + shifts[tilts[some]]


def _find_ends(rows: Places, height: int) -> tuple[Places, Places]:
    """Return the first and the last column in which each line lies inside the picture, (lines,)."""
    count, width = rows.shape
    if rows[:, [0, -1]].min() >= 0 and rows[:, [0, -1]].max() < height:
        return np.zeros(count, np.intp), np.full(count, width - 1)
    inside = (rows >= 0) & (rows < height)
    return inside.argmax(1), width - 1 - inside[:, ::-1].argmax(1)


def _are_lines(covered: Mask, first: Places, last: Places) -> Mask:
    """Tell which lines are covered enough and reach both borders of the picture, (lines,)."""
    width = covered.shape[1]
    line, near = np.arange(len(covered))[:, None], np.arange(width // 50 + 1)
    reach = (last - first)[:, None] // 50
    starts, ends = (
        (covered[line, (edge[:, None] + way * near).clip(0, width - 1)] & (near <= reach)).any(1)
        for edge, way in ((first, 1), (last, -1))
    )
    found: Mask = starts & ends & (np.count_nonzero(covered, axis=1) >= MIN_COVERAGE * width)
    return found


def _find_medians(values: Grey, first: Places, last: Places) -> npt.NDArray[np.float64]:
    """Return the median of each line's values inside the picture, (lines,)."""
    across, line = np.arange(values.shape[1]), np.arange(len(values))
    outside = (across < first[:, None]) | (across > last[:, None])
    ordered = np.sort(np.where(outside, np.int16(255), values), axis=1)
    count = last - first + 1
    medians: npt.NDArray[np.float64] = (ordered[line, (count - 1) // 2] + ordered[line, count // 2]) / 2
    return medians
