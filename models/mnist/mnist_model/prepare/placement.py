"""Places ink as in MNIST: 20 pixels long, its centre of mass in the middle of 28x28.

The rules are those of http://yann.lecun.com/exdb/mnist/: "size normalized to fit in a 20x20 pixel box while
preserving their aspect ratio", then "centered in a 28x28 image by computing the center of mass".
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.ImageFilter import BoxBlur

from mnist_model.prepare.morphology import Grey, dilate, erode

SIDE = 28
BOX = 20
#: In MNIST the longer side of each digit has 19 or 20 pixels above this strength.
FAINT = 32
#: Most strength of the background in a picture like MNIST's: 0 in MNIST, a little more after a JPEG.
BLACK = 8
#: For `bytes.translate`: 1 for the background; 1 for ink.
_MARK_BLACK = bytes(value <= BLACK for value in range(256))
_MARK_INK = bytes(value > FAINT for value in range(256))
#: Thinnest and thickest strokes in pixels of the 28x28 picture: nine in ten of MNIST's digits lie between.
MIN_STROKE = 2.2
MAX_STROKE = 4.2
#: Pixels per final pixel while strokes are made thicker or thinner.
FINE = 8


def crop(ink: Grey) -> Grey:
    """Return the smallest part with all ink stronger than `FAINT`, (h, w) uint8; without such ink, the whole."""
    (top, bottom), (left, right) = _find_ink(ink)
    return ink[top:bottom, left:right] if bottom else ink


def even_strokes(ink: Grey) -> Grey:
    """Return the ink at `FINE` times its final size, with strokes as thick as MNIST's."""
    long = BOX * FINE
    height, width = (max(1, round(length * long / max(ink.shape))) for length in ink.shape)
    # A blur of a quarter of a final pixel: frayed edges would count as many thin strokes.
    smooth = Image.fromarray(ink).resize((width, height), Image.Resampling.BICUBIC).filter(BoxBlur(FINE / 4))
    fine = np.asarray(smooth)
    stroke = measure_stroke_width(fine)
    radius = round((min(max(stroke, MIN_STROKE * FINE), MAX_STROKE * FINE) - stroke) / 2)
    if radius == 0:
        return fine
    window = 2 * abs(radius) + 1
    room = np.zeros((fine.shape[0] + 2 * window, fine.shape[1] + 2 * window), np.uint8)
    room[window:-window, window:-window] = fine
    grown = dilate(room, window, window) if radius > 0 else erode(room, window, window)
    return crop(np.asarray(Image.fromarray(grown).filter(BoxBlur(abs(radius) / 2))))


def measure_stroke_width(ink: Grey) -> float:
    """Return the mean width of the strokes in pixels: their area divided by half the length of their outline."""
    mask = np.pad(ink >= 128, 1)
    edges = np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(mask[:, 1:] != mask[:, :-1])
    # A slanted outline crosses more pixel sides than its length: 4 / pi times as many on average.
    return 2 * np.count_nonzero(mask) / max(edges * np.pi / 4, 1)


def scale(ink: Grey) -> Grey:
    """Return the ink with 20 pixels on its longer side, its strongest pixel 255, (h, w) uint8."""
    height, width = (max(1, round(length * BOX / max(ink.shape))) for length in ink.shape)
    small = np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.BOX))
    return np.rint(small * (255.0 / max(int(small.max()), 1))).astype(np.uint8)


def centre(ink: Grey) -> Grey:
    """Return the ink with its centre of mass in the middle of a picture, (28, 28) uint8."""
    height, width = ink.shape
    room = np.zeros((height + 2 * SIDE, width + 2 * SIDE), np.uint8)
    room[SIDE : SIDE + height, SIDE : SIDE + width] = ink
    # MNIST moves by whole pixels too: its centres lie between 13.5 and 14.5.
    top, left = (int(middle + SIDE + 0.5) - SIDE // 2 for middle in find_centre_of_mass(ink))
    return room[top : top + SIDE, left : left + SIDE].copy()


def find_centre_of_mass(ink: Grey) -> tuple[float, float]:
    """Return the ink's centre of mass, row and column in pixels; the middle of pixel (0, 0) is (0, 0)."""
    # One product gives all sums; they are whole numbers, and exact.
    height, width = ink.shape
    (total, across), (down, _) = (_ones_and_places(height).T @ ink @ _ones_and_places(width)).tolist()
    total = max(total, 1.0)
    return down / total, across / total


@lru_cache(64)
def _ones_and_places(length: int) -> npt.NDArray[np.float64]:
    return np.stack([np.ones(length), np.arange(length)], axis=1)  # (length, 2)


def is_centred(ink: Grey) -> bool:
    """Tell whether the centre of mass of a (28, 28) picture is as near to its middle as in MNIST."""
    return all(13 <= middle <= 15 for middle in find_centre_of_mass(ink))


def has_digit_size(ink: Grey) -> bool:
    """Tell whether a (28, 28) picture is mostly black and its ink about 20 pixels on its longer side."""
    if ink.tobytes().translate(_MARK_BLACK).count(1) < 0.5 * SIDE * SIDE:
        return False
    if int(ink.max()) < 128:
        return False
    return BOX - 2 <= max(end - start for start, end in _find_ink(ink)) <= BOX + 2


def _find_ink(ink: Grey) -> list[tuple[int, int]]:
    """Return the first row and the one behind the last with ink stronger than `FAINT`, then the columns; or (-1, 0)."""
    # Bytes are searched faster than arrays of a few values.
    marks = [np.maximum.reduce(ink, axis).tobytes().translate(_MARK_INK) for axis in (1, 0)]
    return [(found.find(1), found.rfind(1) + 1) for found in marks]
