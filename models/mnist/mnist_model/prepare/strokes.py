"""Tells the digit's strokes from other ink: a drawn frame, specks, blots."""

from dataclasses import dataclass

import numpy as np

from inference_pictures.errors import UnreadableImage
from mnist_model.prepare.morphology import Grey, Labels, Mask, dilate, label_pieces

#: Least strength, of 255, of a pixel in a stroke.
STROKE = 110
#: Widest gap within a piece, as a share of the longer side.
GAP = 0.01
#: Least strength of a stroke, as a share of the strongest piece's: weaker pieces are shadows or lines.
MIN_STRENGTH = 0.6


@dataclass(frozen=True, slots=True)
class Piece:
    """A connected piece of ink: its label, its box, its mass and its strength.

    `mass` is the sum of its pixels. `strength` is their mean, weighted by themselves; a shadow's is well below ink's.
    """

    label: int
    mass: float
    strength: float
    top: int
    left: int
    bottom: int
    right: int

    @property
    def side(self) -> int:
        """Longer side of the box in pixels."""
        return max(self.bottom - self.top, self.right - self.left)


def remove_frame(ink: Grey) -> Grey:
    """Return the ink without a frame drawn around it, (h, w) uint8."""
    labels, pieces = find_pieces(ink)
    frames = [piece for piece in pieces if is_frame(piece, pieces, labels)]
    return np.where(np.isin(labels, [frame.label for frame in frames]), 0, ink).astype(np.uint8)


def keep_digit(ink: Grey) -> Grey:
    """Return the largest piece of ink, with the pieces that belong to it, (h, w) uint8.

    Raises:
        UnreadableImage: there is no ink.
    """
    labels, pieces = find_pieces(ink)
    if not pieces:
        raise UnreadableImage(
            "picture holds no strokes, expected a digit; send a picture with darker or thicker strokes"
        )
    least = MIN_STRENGTH * max(piece.strength for piece in pieces)
    pieces = [piece for piece in pieces if piece.strength >= least]
    main = max(pieces, key=lambda piece: piece.mass)
    kept = [main]
    for piece in sorted(pieces, key=lambda piece: measure_distance(piece, main)):
        if piece is not main and belongs(piece, main, kept):
            kept.append(piece)
    strong = np.isin(labels, [piece.label for piece in kept]) & (ink >= STROKE)
    # A stroke's soft edge lies within two pixels; faint ink farther off is a shadow, or a line that runs into it.
    return np.where(dilate(strong.astype(np.uint8), 5, 5), ink, 0).astype(np.uint8)


def belongs(piece: Piece, main: Piece, kept: list[Piece]) -> bool:
    """Tell whether a piece is a stroke of the digit: it has a twentieth of the main piece's ink and lies near.

    Near is within about a third of the main piece's size.
    """
    return piece.mass >= 0.05 * main.mass and min(measure_distance(piece, other) for other in kept) <= 0.35 * main.side


def measure_distance(one: Piece, other: Piece) -> int:
    """Return the pixels between two boxes, 0 when they touch or overlap."""
    down = max(one.top, other.top) - min(one.bottom, other.bottom)
    across = max(one.left, other.left) - min(one.right, other.right)
    return max(down, across, 0)


def is_frame(piece: Piece, pieces: list[Piece], labels: Labels) -> bool:
    """Tell whether a piece surrounds other ink and leaves its own middle free."""
    return encloses(piece, pieces) and is_ring(piece, labels)


def encloses(piece: Piece, pieces: list[Piece]) -> bool:
    """Tell whether another piece, at least a fifth of its size, lies within the piece's box."""
    return any(
        other.side >= 0.2 * piece.side
        and piece.top < other.top
        and piece.left < other.left
        and piece.bottom > other.bottom
        and piece.right > other.right
        for other in pieces
    )


def is_ring(piece: Piece, labels: Labels) -> bool:
    """Tell whether a piece runs along all four sides of its box and leaves the middle free."""
    box = labels[piece.top : piece.bottom, piece.left : piece.right] == piece.label
    down, across = (length // 4 for length in box.shape)
    if min(down, across) == 0 or box[down:-down, across:-across].mean() > 0.02:
        return False
    sides = (box[:down].any(0), box[-down:].any(0), box[:, :across].any(1), box[:, -across:].any(1))
    return all(side.mean() > 0.75 for side in sides)


def find_pieces(ink: Grey) -> tuple[Labels, list[Piece]]:
    """Return the label of each pixel's piece, (h, w), with faint edges, and the pieces."""
    reach = 2 * round(GAP * max(ink.shape) / 2) + 3
    mask: Mask = dilate((ink >= STROKE).astype(np.uint8), reach, reach) > 0
    labels = label_pieces(mask)
    rows, columns = np.nonzero((ink >= STROKE) & mask)
    numbers, inverse = np.unique(labels[rows, columns], return_inverse=True)
    values = ink[rows, columns].astype(np.float64)
    mass = np.bincount(inverse, values, len(numbers))
    strength = np.bincount(inverse, values**2, len(numbers)) / mass
    low = np.full((2, len(numbers)), max(ink.shape))
    high = np.zeros((2, len(numbers)), np.intp)
    for axis, places in enumerate((rows, columns)):
        np.minimum.at(low[axis], inverse, places)
        np.maximum.at(high[axis], inverse, places + 1)
    boxes = np.stack([low[0], low[1], high[0], high[1]], axis=1)  # (pieces, 4)
    return labels, [
        Piece(int(n), float(m), float(s), *map(int, b))
        for n, m, s, b in zip(numbers, mass, strength, boxes, strict=True)
    ]
