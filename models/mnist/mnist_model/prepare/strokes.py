"""Tells the digit's strokes from other ink: a drawn frame, specks, blots."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inference_pictures.errors import UnreadableImage
from mnist_model.prepare.morphology import Grey, Mask, Places, Runs, dilate, draw_pieces, find_runs

#: Least strength, of 255, of a pixel in a stroke.
STROKE = 110
#: Widest gap within a piece, as a share of the longer side.
GAP = 0.01
#: Least strength of a stroke, as a share of the strongest piece's: weaker pieces are shadows or lines.
MIN_STRENGTH = 0.6
#: Least ink of a stroke, as a share of the heaviest piece's, and most distance, as a share of that piece's side.
MIN_MASS = 0.05
MAX_DISTANCE = 0.35
#: Least side of ink in a frame, as a share of the frame's.
MIN_FRAMED = 0.2
#: A piece of a smaller side, as a share of the largest piece's, is a speck: not a frame, and not framed.
MIN_SIDE = 0.05

Numbers = npt.NDArray[np.floating[Any]] | npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Pieces:
    """The connected pieces of a picture's ink, with their faint edges; piece `i` has the number `i + 1` in the runs.

    `places` are the flat indices of the pixels in strokes, `owners` the piece of each. `mass` is the sum of a piece's
    pixels. `strength` is their mean, weighted by themselves; a shadow's is well below ink's. The last four are the
    boxes around those pixels.
    """

    runs: Runs
    places: Places
    owners: Places
    mass: Numbers
    strength: Numbers
    top: Numbers
    left: Numbers
    bottom: Numbers
    right: Numbers

    @property
    def side(self) -> Numbers:
        """Longer sides of the boxes in pixels."""
        return np.maximum(self.bottom - self.top, self.right - self.left)


def keep_digit(ink: Grey) -> Grey:
    """Return the largest piece of ink, with the pieces that belong to it, without a frame around it, (h, w) uint8.

    Raises:
        UnreadableImage: there is no ink.
    """
    runs = find_stroke_runs(ink)
    if not len(runs.pieces):
        raise UnreadableImage(
            "picture holds no strokes, expected a digit; send a picture with darker or thicker strokes"
        )
    is_digit = ink >= STROKE if runs.pieces.max() == 1 else choose_strokes(ink, find_pieces(ink, runs))
    # A stroke's soft edge lies within two pixels; faint ink farther off is a shadow, or a line that runs into it.
    return ink & dilate(is_digit.view(np.uint8) * np.uint8(255), 5, 5)


def choose_strokes(ink: Grey, pieces: Pieces) -> Mask:
    """Return the pixels in the strokes of the digit, (h, w)."""
    unframed = remove_frame(ink, pieces)
    if unframed is not ink:
        pieces = find_pieces(unframed, find_stroke_runs(unframed))
    is_kept = np.zeros(len(pieces.mass), bool)
    is_kept[find_digit_pieces(pieces)] = True
    is_digit = np.zeros(ink.size, bool)
    is_digit[pieces.places[is_kept[pieces.owners]]] = True
    return is_digit.reshape(ink.shape)


def remove_frame(ink: Grey, pieces: Pieces) -> Grey:
    """Return the ink without a frame drawn around it, (h, w) uint8; ink without a frame is returned unchanged."""
    if len(pieces.mass) < 2:
        return ink
    large = np.flatnonzero(pieces.side >= MIN_SIDE * pieces.side.max())
    around = [int(piece) for piece in large if encloses(int(piece), large, pieces)]
    if not around:
        return ink
    drawn = draw_pieces(pieces.runs)
    frames = [piece + 1 for piece in around if is_ring(piece, pieces, drawn)]
    return np.where(np.isin(drawn, frames), 0, ink).astype(np.uint8) if frames else ink


def find_digit_pieces(pieces: Pieces) -> list[int]:
    """Return the heaviest piece and the pieces that belong to it: they have a part of its ink and lie near.

    Near is relative to the heaviest piece's side, and to any piece of the digit; see `MIN_MASS` and `MAX_DISTANCE`.
    """
    mass = np.where(pieces.strength >= MIN_STRENGTH * pieces.strength.max(), pieces.mass, 0)
    main = int(mass.argmax())
    distance = measure_distances(pieces, main)
    nearest = distance  # to any piece that is kept
    kept = [main]
    others = np.flatnonzero(mass >= MIN_MASS * mass[main])
    for piece in others[np.argsort(distance[others], kind="stable")]:
        if piece != main and nearest[piece] <= MAX_DISTANCE * pieces.side[main]:
            kept.append(int(piece))
            nearest = np.minimum(nearest, measure_distances(pieces, piece))
    return kept


def measure_distances(pieces: Pieces, one: int) -> Numbers:
    """Return the pixels between a piece's box and every piece's, 0 where they touch or overlap, (pieces,)."""
    down = np.maximum(pieces.top, pieces.top[one]) - np.minimum(pieces.bottom, pieces.bottom[one])
    across = np.maximum(pieces.left, pieces.left[one]) - np.minimum(pieces.right, pieces.right[one])
    distance: Numbers = np.maximum(down, across).clip(0)
    return distance


def encloses(one: int, others: Places, pieces: Pieces) -> bool:
    """Tell whether another piece, at least a fifth of its size, lies within the piece's box."""
    return bool(
        (
            (pieces.side[others] >= MIN_FRAMED * pieces.side[one])
            & (pieces.top[one] < pieces.top[others])
            & (pieces.left[one] < pieces.left[others])
            & (pieces.bottom[one] > pieces.bottom[others])
            & (pieces.right[one] > pieces.right[others])
        ).any()
    )


def is_ring(one: int, pieces: Pieces, drawn: Places) -> bool:
    """Tell whether a piece runs along all four sides of its box and leaves the middle free.

    `drawn` holds the number of each pixel's piece, (h, w).
    """
    rows, columns = slice(pieces.top[one], pieces.bottom[one]), slice(pieces.left[one], pieces.right[one])
    box = drawn[rows, columns] == one + 1
    down, across = (length // 4 for length in box.shape)
    if min(down, across) == 0 or box[down:-down, across:-across].mean() > 0.02:
        return False
    sides = (box[:down].any(0), box[-down:].any(0), box[:, :across].any(1), box[:, -across:].any(1))
    return all(side.mean() > 0.75 for side in sides)


def find_stroke_runs(ink: Grey) -> Runs:
    """Return the runs of the pixels in and near strokes; strokes within a narrow gap of each other are one piece."""
    reach = 2 * round(GAP * max(ink.shape) / 2) + 3
    near: Mask = dilate((ink >= STROKE).view(np.uint8), reach, reach).view(bool)
    return find_runs(near)


def find_pieces(ink: Grey, runs: Runs) -> Pieces:
    """Return the pieces of ink; the runs are those of `find_stroke_runs`."""
    places = np.flatnonzero(ink >= STROKE)
    rows, columns = np.divmod(places, ink.shape[1])
    counts = np.diff(np.searchsorted(places + rows + 1, np.append(runs.starts, ink.size + len(ink))))
    owners = np.repeat(runs.pieces - 1, counts)  # every pixel lies in a run
    values = ink.ravel()[places].astype(np.float64)
    mass = np.bincount(owners, values)
    top, bottom, right = np.zeros((3, len(mass)), np.intp)
    left = np.full(len(mass), ink.shape[1])
    # The places ascend, and the last of several values stays.
    top[owners[::-1]], bottom[owners] = rows[::-1], rows + 1
    np.minimum.at(left, owners, columns)
    np.maximum.at(right, owners, columns + 1)
    strength = np.bincount(owners, values**2) / mass
    return Pieces(runs, places, owners, mass, strength, top, left, bottom, right)
