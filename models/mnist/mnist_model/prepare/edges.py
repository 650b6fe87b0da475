"""Clears the edges of a picture of things that are not ink: lines of a form, rims, bars, a turned scan's corners.

In and out: a picture as it was decoded, grey or colour; nothing is known of its ink yet.
"""

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from mnist_model.prepare.measure import find_median, shrink
from mnist_model.prepare.morphology import Grey, Mask, dilate, draw_pieces, find_runs

#: About the pixels on the longer side while we look for straight edges.
LOOK_SIDE = 120
#: A narrower picture, in these pixels, has no sides to speak of.
MIN_SIDE = 24
#: Deepest that a thing along an edge reaches, as a share of the side: a tenth, and its soft edge.
MAX_DEPTH = 0.12
#: Pixels from a row of the thing to the paper behind it.
STEP = 3
#: Least difference between a thing and the paper, in grey levels of the channel that differs most.
MIN_DIFFERENCE = 20
#: Least share of a row that is the thing all along, and that has paper behind it: a digit may touch it there.
ALONG = 0.97
BEHIND = 0.75
#: Most that the paper around a piece differs from the paper farther in, as a share of what the piece does.
MAX_SHADE = 0.4

Look: TypeAlias = npt.NDArray[np.int16]


def clear_edges(picture: Grey) -> Grey:
    """Return the picture without lines, rims and bars along its edges, and without the corners of a turned scan.

    Sides with a straight thing along them are cut off; a corner or a wedge that remains is painted like the paper. A
    digit that touches an edge stays, because it covers a part of that edge only, and reaches farther in.

    Args:
        picture: (h, w) grey or (h, w, 3) colours, uint8.
    """
    look = look_at(picture)
    if min(look.shape[1:]) < MIN_SIDE or has_bare_edges(look):
        return picture
    inside = cut_sides(picture, look)
    if inside is not picture:
        look = look_at(inside)
    cleared = paint_corners(inside, look)
    return cleared if cleared is picture or holds_ink(cleared) else picture


def look_at(picture: Grey) -> Look:
    """Return the picture with about `LOOK_SIDE` pixels on its longer side, (channels, h, w): 1 channel or 3."""
    small = np.atleast_3d(shrink(picture, LOOK_SIDE))
    return np.ascontiguousarray(small.transpose(2, 0, 1), np.int16)


def has_bare_edges(look: Look) -> bool:
    """Tell whether the outermost pixels resemble the picture's middle: lines, rims, bars and corners all reach them."""
    deep = math.ceil((1 - ALONG) * max(look.shape)) + 1
    rims = (look[:, :deep], look[:, -deep:], look[..., :deep], look[..., -deep:])
    colours = [rim.reshape(len(look), -1) for rim in rims] + [find_middle(look)[:, None]]
    return bool(np.ptp(np.hstack(colours), 1).max() < MIN_DIFFERENCE)


def find_middle(look: Look) -> Look:
    """Return the median of the picture without its outermost eighths, (channels,)."""
    down, across = (length // 8 for length in look.shape[1:])
    return find_median(look[:, down:-down:2, across:-across:2].reshape(len(look), -1), 1)


def cut_sides(picture: Grey, look: Look) -> Grey:
    """Return the picture without the sides that a straight thing covers from end to end, (h, w[, 3]) uint8.

    A picture with bare sides is returned unchanged. `look` is the picture from `look_at`.
    """
    factor = picture.shape[0] / look.shape[1], picture.shape[1] / look.shape[2]
    middle = find_middle(look)
    turned = look.swapaxes(1, 2)
    sides = (look, look[:, ::-1], turned, turned[:, ::-1])
    top, bottom, left, right = (find_depth(side, middle) for side in sides)
    if not (top or bottom or left or right):
        return picture
    rows = slice(round(top * factor[0]), picture.shape[0] - round(bottom * factor[0]))
    columns = slice(round(left * factor[1]), picture.shape[1] - round(right * factor[1]))
    return picture[rows, columns]


def find_depth(side: Look, inner: Look) -> int:
    """Return the rows at the top of a picture that belong to a thing along that edge, 0 for none.

    Paper resembles `inner`, the median of the picture's middle, (channels,).
    """
    most, margin = round(MAX_DEPTH * side.shape[1]), side.shape[2] // 8
    medians = find_median(side[:, : most + STEP, margin:-margin], 2)[..., None]  # (channels, rows, 1)
    rows, papers = medians[:, :-STEP], medians[:, STEP:]
    steps = np.abs(papers - rows).max((0, 2))  # (rows,)
    may_be = (steps >= MIN_DIFFERENCE) & (np.abs(papers - inner[:, None, None]).max((0, 2)) <= steps / 2)
    for row in np.flatnonzero(may_be)[::-1]:
        if is_last_row(side[:, row], side[:, row + STEP], rows[:, row], papers[:, row]):
            return int(row) + 2 if is_empty(side[:, :row], papers[:, row]) else 0
    return 0


def is_empty(outside: Look, paper: Look) -> bool:
    """Tell whether the rows of paper outside a thing hold no ink: a digit that crosses a line keeps its end."""
    margin = outside.shape[2] // 8
    differs = np.abs(outside[..., margin:-margin] - paper[..., None]).max(0) > MIN_DIFFERENCE  # (rows, w)
    shares = differs.mean(1)
    return bool(((shares <= 1 - ALONG) | (shares >= 0.5)).all())


def is_last_row(row: Look, behind: Look, middle: Look, paper: Look) -> bool:
    """Tell whether a row is a thing's, from end to end, and the row behind it the paper's, (channels, w) each.

    `middle` and `paper` are the medians of the two without their ends, (channels, 1).
    """
    margin = row.shape[1] // 8
    half = np.abs(paper - middle).max() / 2
    is_thing = np.abs(row - middle).max(0) < half  # (w,)
    is_paper = np.abs(row - paper).max(0) < half
    has_paper_behind = np.abs(behind - paper).max(0) < half
    return bool(
        is_thing[margin:-margin].mean() >= ALONG
        and is_paper.mean() <= 1 - ALONG
        and has_paper_behind[margin:-margin].mean() >= BEHIND
    )


def paint_corners(picture: Grey, look: Look) -> Grey:
    """Return the picture with the pieces that hug its edges painted like the paper beside them, (h, w[, 3]) uint8.

    A picture with bare edges is returned unchanged, and one where the pieces leave no paper: they are the paper on both
    sides of a stroke. `look` is the picture from `look_at`.
    """
    hidden = dilate(find_hugging(look).astype(np.uint8) * 255, 5, 5)
    if not hidden.any() or hidden.all():
        return picture
    mask = np.asarray(Image.fromarray(hidden).resize(picture.shape[1::-1], Image.Resampling.BILINEAR))
    return np.where((mask > 0)[(...,) + (None,) * (picture.ndim - 2)], fill(look, hidden == 0, picture), picture)


def find_hugging(look: Look) -> Mask:
    """Return the pixels of the pieces that touch an edge and stay near the edges, (h, w)."""
    height, width = look.shape[1:]
    none = np.zeros((height, width), bool)
    deep = math.ceil(MAX_DEPTH * max(height, width))
    inner = look[:, deep:-deep, deep:-deep].reshape(len(look), -1)
    if not inner.size:
        return none
    difference = measure_difference(look, find_median(inner, 1))
    threshold = max(MIN_DIFFERENCE, float(difference[deep:-deep, deep:-deep].max()) / 3)
    differs = difference > threshold
    if not (differs[[0, -1]].any() or differs[:, [0, -1]].any()):
        return none
    labels = draw_pieces(find_runs(differs))
    edge_distance = np.minimum.outer(_to_ends(height), _to_ends(width))  # (h, w)
    touching = np.unique(labels[edge_distance == 0])
    pieces = ((n, labels == n) for n in touching if n)
    hugging = [n for n, piece in pieces if hugs(piece, edge_distance, deep) and is_sharp(piece, difference)]
    return np.isin(labels, hugging)


def hugs(piece: Mask, edge_distance: npt.NDArray[np.intp], deep: int) -> bool:
    """Tell whether a piece stays near the edges and runs along them, unlike the end of a line that crosses one."""
    distance = edge_distance[piece]
    return bool(distance.max() < deep and (distance == 0).sum() >= 2 * max(distance.max(), STEP))


def is_sharp(piece: Mask, difference: Look) -> bool:
    """Tell whether a piece ends at once, unlike the shade in the corners of a photograph."""
    grown = dilate(piece.astype(np.uint8), 5, 5)
    around = (dilate(grown, 3, 3) > grown) & ~piece
    return bool(around.any()) and float(find_median(difference[around])) < MAX_SHADE * float(
        find_median(difference[piece])
    )


def _to_ends(length: int) -> npt.NDArray[np.intp]:
    return np.minimum(np.arange(length), np.arange(length)[::-1])


def fill(look: Look, shown: Mask, picture: Grey) -> Grey:
    """Return a picture of the paper, as large as the picture: the part that is not shown is filled from around it."""
    paper = find_median(look[:, shown], 1)  # (channels,)
    is_paper = shown & (measure_difference(look, paper) < MIN_DIFFERENCE)
    seen = np.where(is_paper, look, paper[:, None, None]).astype(np.uint8)  # (channels, h, w)
    image = Image.fromarray(seen[0] if len(seen) == 1 else seen.transpose(1, 2, 0))
    return np.asarray(
        image.filter(ImageFilter.BoxBlur(LOOK_SIDE // 15)).resize(picture.shape[1::-1], Image.Resampling.BILINEAR)
    )


def holds_ink(picture: Grey) -> bool:
    """Tell whether anything stands out from the picture's median."""
    look = look_at(picture)
    return bool(measure_difference(look, find_median(look.reshape(len(look), -1), 1)).max() >= MIN_DIFFERENCE)


def measure_difference(look: Look, colour: Look) -> Look:
    """Return by how much each pixel differs from a colour, (channels,), in the channel that differs most, (h, w)."""
    difference: Look = np.abs(look - colour[:, None, None]).max(0)
    return difference
