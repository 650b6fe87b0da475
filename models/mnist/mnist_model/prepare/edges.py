"""Clears the edges of a picture of things that are not ink: lines of a form, rims, bars, a turned scan's corners.

In and out: a picture as it was decoded, grey or colour; nothing is known of its ink yet.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from mnist_model.prepare.measure import shrink
from mnist_model.prepare.morphology import Grey, Mask, dilate, label_pieces

#: Pixels on the longer side while we look for straight edges.
LOOK_SIDE = 128
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

Floats = npt.NDArray[np.float32]


def clear_edges(picture: Grey) -> Grey:
    """Return the picture without lines, rims and bars along its edges, and without the corners of a turned scan.

    Sides with a straight thing along them are cut off; a corner or a wedge that remains is painted like the paper. A
    digit that touches an edge stays, because it covers a part of that edge only, and reaches farther in.

    Args:
        picture: (h, w) grey or (h, w, 3) colours, uint8.
    """
    look = look_at(picture)
    if min(look.shape[:2]) < MIN_SIDE:
        return picture
    inside = cut_sides(picture, look)
    cleared = paint_corners(inside)
    return cleared if holds_ink(cleared) else picture


def cut_sides(picture: Grey, look: Floats) -> Grey:
    """Return the picture without the sides that a straight thing covers from end to end, (h, w[, 3]) uint8.

    `look` is the picture from `look_at`.
    """
    factor = picture.shape[0] / look.shape[0], picture.shape[1] / look.shape[1]
    top, bottom, left, right = (
        find_depth(side) for side in (look, look[::-1], look.swapaxes(0, 1), look.swapaxes(0, 1)[::-1])
    )
    rows = slice(round(top * factor[0]), picture.shape[0] - round(bottom * factor[0]))
    columns = slice(round(left * factor[1]), picture.shape[1] - round(right * factor[1]))
    return picture[rows, columns]


def look_at(picture: Grey) -> Floats:
    """Return the picture with `LOOK_SIDE` pixels at most on its longer side, (h, w, channels)."""
    small = shrink(picture, LOOK_SIDE).astype(np.float32)
    return small if small.ndim == 3 else small[..., None]  # (h, w, 1 or 3)


def find_depth(side: Floats) -> int:
    """Return the rows at the top of a picture that belong to a thing along that edge, 0 for none."""
    most, margin = round(MAX_DEPTH * side.shape[0]), side.shape[1] // 8
    inner = np.median(side[most:-most, margin:-margin], axis=(0, 1))  # (channels,)
    found = [row for row in range(most) if is_last_row(side[row], side[row + STEP], inner)]
    return found[-1] + 2 if found and is_empty(side[: found[-1]], side[found[-1] + STEP]) else 0


def is_empty(outside: Floats, behind: Floats) -> bool:
    """Tell whether the rows of paper outside a thing hold no ink: a digit that crosses a line keeps its end."""
    margin = behind.shape[0] // 8
    paper = np.median(behind[margin:-margin], axis=0)
    differs = np.abs(outside[:, margin:-margin] - paper).max(2) > MIN_DIFFERENCE  # (rows, w)
    shares = differs.mean(1)
    return bool(((shares <= 1 - ALONG) | (shares >= 0.5)).all())


def is_last_row(row: Floats, behind: Floats, inner: Floats) -> bool:
    """Tell whether a row is a thing's, from end to end, and the row behind it the paper's, (w, channels) each.

    Paper resembles `inner`, the median of the picture's middle, (channels,).
    """
    margin = len(row) // 8
    middle, paper = np.median(row[margin:-margin], axis=0), np.median(behind[margin:-margin], axis=0)
    step = float(np.abs(paper - middle).max())
    if step < MIN_DIFFERENCE or np.abs(paper - inner).max() > step / 2:
        return False
    is_thing = np.abs(row - middle).max(1) < step / 2  # (w,)
    is_paper = np.abs(row - paper).max(1) < step / 2
    has_paper_behind = np.abs(behind - paper).max(1) < step / 2
    return bool(
        is_thing[margin:-margin].mean() >= ALONG
        and is_paper.mean() <= 1 - ALONG
        and has_paper_behind[margin:-margin].mean() >= BEHIND
    )


def paint_corners(picture: Grey) -> Grey:
    """Return the picture with the pieces that hug its edges painted like the paper beside them, (h, w[, 3]) uint8."""
    look = look_at(picture)
    hidden = find_hugging(look)
    if not hidden.any():
        return picture
    mask = np.asarray(Image.fromarray(dilate(hidden.astype(np.uint8) * 255, 5, 5)).resize(picture.shape[1::-1]))
    return np.where((mask > 0)[(...,) + (None,) * (picture.ndim - 2)], fill(look, hidden, picture), picture)


def find_hugging(look: Floats) -> Mask:
    """Return the pixels of the pieces that touch an edge and stay near the edges, (h, w)."""
    height, width = look.shape[:2]
    edge_distance = np.minimum.outer(_to_ends(height), _to_ends(width))  # (h, w)
    deep = MAX_DEPTH * max(height, width)
    inner = look[edge_distance >= deep]  # (n, channels)
    if not len(inner):
        return np.zeros((height, width), bool)
    difference = np.abs(look - np.median(inner, axis=0)).max(2)  # (h, w)
    threshold = max(MIN_DIFFERENCE, float(difference[edge_distance >= deep].max()) / 3)
    labels = label_pieces(difference > threshold)
    touching = np.unique(labels[edge_distance == 0])
    pieces = ((n, labels == n) for n in touching if n)
    hugging = [n for n, piece in pieces if hugs(piece, edge_distance, deep) and is_sharp(piece, difference)]
    return np.isin(labels, hugging)


def hugs(piece: Mask, edge_distance: npt.NDArray[np.intp], deep: float) -> bool:
    """Tell whether a piece stays near the edges and runs along them, unlike the end of a line that crosses one."""
    distance = edge_distance[piece]
    return bool(distance.max() < deep and (distance == 0).sum() >= 2 * max(distance.max(), STEP))


def is_sharp(piece: Mask, difference: Floats) -> bool:
    """Tell whether a piece ends at once, unlike the shade in the corners of a photograph."""
    grown = dilate(piece.astype(np.uint8), 5, 5)
    around = (dilate(grown, 3, 3) > grown) & ~piece
    return bool(around.any()) and float(np.median(difference[around])) < MAX_SHADE * float(np.median(difference[piece]))


def _to_ends(length: int) -> npt.NDArray[np.intp]:
    return np.minimum(np.arange(length), np.arange(length)[::-1])


def fill(look: Floats, hidden: Mask, picture: Grey) -> Grey:
    """Return a picture of the paper, as large as the picture: the hidden part is filled from its surroundings."""
    shown = dilate(hidden.astype(np.uint8), 5, 5) == 0
    paper = np.median(look[shown], axis=0)  # (channels,)
    is_paper = shown & (np.abs(look - paper).max(2) < MIN_DIFFERENCE)  # (h, w)
    seen = np.rint(np.where(is_paper[..., None], look, paper)).astype(np.uint8)  # (h, w, channels)
    image = Image.fromarray(seen[..., 0] if look.shape[2] == 1 else seen)
    return np.asarray(image.filter(ImageFilter.BoxBlur(LOOK_SIDE // 16)).resize(picture.shape[1::-1]))


def holds_ink(picture: Grey) -> bool:
    """Tell whether anything stands out from the picture's median."""
    look = look_at(picture)
    return float(np.abs(look - np.median(look, axis=(0, 1))).max()) >= MIN_DIFFERENCE
