"""Turns a picture file into the model's input; the half of the model that the API runs. Never imports torch.

In: the bytes of a file, from anyone. Out: 784 bytes that look like MNIST. Only the errors of
`inference_pictures.errors` leave.
"""

from collections.abc import Callable
from functools import partial

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


def begin(file: bytes, *, max_pixels: int) -> bytes | Callable[[], bytes]:
    """Return what `prepare` returns if that takes next to no time, else a function that returns it.

    A picture of the model's own size that needs at most inverting or moving takes less time than handing it to a
    thread; any other takes some hundred times as long.
    """
    # The header of a large file may take long too.
    if len(file) > SMALL_BYTES:
        return partial(prepare, file, max_pixels=max_pixels)
    image = open_picture(file)
    ready = _take_as_it_is(image, max_pixels)
    return partial(_prepare_opened, image, max_pixels) if ready is None else ready


def prepare(file: bytes, *, max_pixels: int) -> bytes:
    """Return the picture as the model's input: 784 bytes, row-major uint8, 0 = background, 255 = ink.

    Safe to call from several threads at once.

    Args:
        file: a PNG, JPEG, WebP, GIF, BMP, TIFF or PNM file.
        max_pixels: most pixels, width times height, by the file's header.

    Raises:
        UnsupportedImage: the bytes are in none of these formats.
        UnreadableImage: the picture is broken, too large, animated or blank.
    """
    return _prepare_opened(open_picture(file), max_pixels)


def read_pixels(image: ImageFile.ImageFile, *, max_pixels: int) -> Pixels:
    """Return the pixels of a picture from `open_picture`: upright, on solid ground, reduced; (h, w[, 3]) uint8.

    Raises:
        UnreadableImage: the picture is broken, too large or animated.
    """
    decoded = decode(image, max_pixels=max_pixels, longest_side=WORKING_SIDE)
    return drop_colour(np.asarray(lay_on_ground(decoded)))


def _prepare_opened(image: ImageFile.ImageFile, max_pixels: int) -> bytes:
    return digit_of(read_pixels(image, max_pixels=max_pixels)).tobytes()


def _take_as_it_is(image: ImageFile.ImageFile, max_pixels: int) -> bytes | None:
    if image.size != (SIDE, SIDE):
        return None
    pixels = read_pixels(image, max_pixels=max_pixels)
    ready = as_it_is(pixels) if pixels.ndim == 2 else None
    return None if ready is None else ready.tobytes()
