"""Turns a picture file into the model's input; the half of the model that the API runs. Never imports torch.

In: the bytes of a file, from anyone. Out: 784 bytes that look like MNIST. Only the errors of
`inference_pictures.errors` leave.
"""

import numpy as np
from PIL import ImageFile

from inference_pictures.decode import decode, open_picture
from inference_pictures.modes import Pixels
from mnist_model.prepare.alpha import drop_colour, lay_on_ground
from mnist_model.prepare.placement import SIDE
from mnist_model.prepare.steps import as_it_is, digit_of

#: Longer side, in pixels, on which ink is looked for: larger pictures are averaged down.
WORKING_SIDE = 400
#: A longer file of 28x28 pixels holds something else besides them.
SMALL_BYTES = 32_768


def prepare(picture: bytes, *, max_pixels: int) -> bytes:
    """Return the picture as the model's input: 784 bytes, row-major uint8, 0 = background, 255 = ink.

    Safe to call from several threads at once.

    Args:
        picture: a PNG, JPEG, WebP, GIF, BMP, TIFF or PNM file.
        max_pixels: most pixels, width times height, by the file's header.

    Raises:
        UnsupportedImage: the bytes are in none of these formats.
        UnreadableImage: the picture is broken, too large, animated or blank.
    """
    return prepare_opened(open_picture(picture), max_pixels=max_pixels)


def prepare_opened(image: ImageFile.ImageFile, *, max_pixels: int) -> bytes:
    """Do the same as `prepare` for a picture from `open_picture`."""
    return digit_of(read_pixels(image, max_pixels=max_pixels)).tobytes()


def prepare_at_once(image: ImageFile.ImageFile, byte_count: int, *, max_pixels: int) -> bytes | None:
    """Do the same as `prepare_opened` if that takes next to no time, else return None.

    A picture of the model's own size that needs at most inverting or moving takes less time than handing it to a
    thread; any other takes some hundred times as long.

    Args:
        image: from `open_picture`.
        byte_count: length of its file.
        max_pixels: most pixels, width times height.
    """
    if image.size != (SIDE, SIDE) or byte_count > SMALL_BYTES:
        return None
    pixels = read_pixels(image, max_pixels=max_pixels)
    ready = as_it_is(pixels) if pixels.ndim == 2 else None
    return None if ready is None else ready.tobytes()


def read_pixels(image: ImageFile.ImageFile, *, max_pixels: int) -> Pixels:
    """Return the pixels of a picture from `open_picture`: upright, on solid ground, reduced; (h, w[, 3]) uint8.

    Raises:
        UnreadableImage: the picture is broken, too large or animated.
    """
    decoded = decode(image, max_pixels=max_pixels, longest_side=WORKING_SIDE)
    return drop_colour(np.asarray(lay_on_ground(decoded)))
