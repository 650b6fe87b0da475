"""Removes ruled lines from ink: thin, straight, printed lines from border to border."""

import numpy as np

from mnist_model.prepare.morphology import Grey, Mask, apply_opening, dilate

#: Least strength of a printed line, of 255: far below a stroke's, because paper shows through.
MIN_LINE = 20
#: Ruled lines: steepest tilt (about 3.4 degrees), least covered share, most thickness as a share of the longer side.
MAX_TILT = 0.06
MIN_COVERAGE = 0.8
MAX_THICKNESS = 0.02
#: A line's strongest pixel over its median.
LINE_SPREAD = 1.8


def remove_ruled_lines(ink: Grey) -> Grey:
    """Return the ink without thin straight lines from border to border, (h, w) uint8.

    A stroke that crosses a line stays: across the line, its ink is longer than the line is thick.
    """
    level = np.where(_on_level_line(ink), 0, ink).astype(np.uint8)
    return np.where(_on_level_line(level.T).T, 0, level).astype(np.uint8)


def _on_level_line(ink: Grey) -> Mask:
    limit = dilate(_level_lines(ink), 5, 1)
    thickness = int(MAX_THICKNESS * max(ink.shape)) + 3 | 1
    is_thick = apply_opening(np.where(ink >= MIN_LINE, 255, 0).astype(np.uint8), thickness, 1) > 0
    return (ink <= limit) & ~is_thick


def _level_lines(ink: Grey) -> Grey:
    # For each pixel on a line, this is the strongest print to expect there; elsewhere 0. A pen along the line is
    # stronger than print. Three pixels count for one, so that a line between two rows still covers one of them.
    ink = dilate(ink, 3, 1)
    mask = ink >= MIN_LINE
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    lines = np.zeros_like(ink)
    margin = int(width * MAX_TILT)
    across = np.arange(width)
    # One step tilts a line by one pixel from border to border; `counts` has the covered pixels of each tilted row.
    for tilt in np.arange(-margin, margin + 1) / width:
        shift = np.rint(tilt * (across - width / 2)).astype(np.intp)  # (w,)
        counts = np.bincount(rows - shift[columns] + margin, minlength=height + 2 * margin)
        for row in np.flatnonzero(counts >= MIN_COVERAGE * width) - margin:
            inside = (row + shift >= 0) & (row + shift < height)
            down, along = (row + shift)[inside], across[inside]
            if _reaches_both_borders(mask[down, along]):
                limit = min(LINE_SPREAD * float(np.median(ink[down, along])), 255)
                lines[down, along] = np.maximum(lines[down, along], round(limit))
    return lines


def _reaches_both_borders(covered: Mask) -> bool:
    end = len(covered) // 50 + 1
    return bool(covered[:end].any() and covered[-end:].any())
