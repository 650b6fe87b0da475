"""The API's half of the model: turns a picture file into the model's input. It never imports torch.

In: the bytes of an untrusted file. Out: 784 bytes that look like MNIST. It raises only the errors of
`inference_pictures.errors`.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import ImageFile

from inference_pictures.decode import decode, open_picture
from inference_pictures.modes import Pixels, drop_colour
from mnist_model.prepare.alpha import lay_on_ground
from mnist_model.prepare.placement import SIDE
from mnist_model.prepare.plain import read_plain
from mnist_model.prepare.steps import find_digit, try_shortcut

#: Most pixels on the longer side while we look for ink; a larger picture is averaged down to at least half of them.
WORKING_SIDE = 480
#: Most bytes of a file of 28x28 pixels; a longer file holds other data too.
SMALL_BYTES = 32_768


def begin(file: bytes, *, max_pixels: int) -> bytes | Callable[[], bytes]:
    """Prepare the picture now if that is quick, and return the input; otherwise return a function that does it.

    A picture of the model's own size that needs at most inverting or moving is prepared in less time than a thread
    takes to start on it. Any other picture takes some hundred times as long.
    """
    # Even the header of a large file may take long.
    if len(file) > SMALL_BYTES:
        return partial(prepare, file, max_pixels=max_pixels)
    plain = read_plain(file)
    digit = None if plain is None else try_shortcut(plain)
    if digit is not None:
        return digit.tobytes()
    image = open_picture(file)
    ready = _try_shortcut(image, max_pixels)
    return partial(_prepare_image, image, max_pixels) if ready is None else ready


def prepare(file: bytes, *, max_pixels: int) -> bytes:
    """Return the picture as the model's input: 784 bytes, row-major uint8, 0 = background, 255 = ink.

    Several threads may call this at once.

    Args:
        file: a PNG, JPEG, WebP, GIF, BMP, TIFF or PNM file.
        max_pixels: most pixels, width times height, by the file's header.

    Raises:
        UnsupportedImage: the file has another format.
        UnreadableImage: the picture is broken, too large, animated or blank.
    """
    return _prepare_image(open_picture(file), max_pixels)


def read_pixels(image: ImageFile.ImageFile, *, max_pixels: int) -> Pixels:
    """Return the pixels of a picture from `open_picture`, (h, w[, 3]) uint8: upright, without alpha, reduced.

    Raises:
        UnreadableImage: the picture is broken, too large or animated.
    """
    decoded = decode(image, max_pixels=max_pixels, longest_side=WORKING_SIDE)
    opaque = lay_on_ground(decoded)
    return np.asarray(drop_colour(opaque) if opaque.mode == "RGB" else opaque)


def _prepare_image(image: ImageFile.ImageFile, max_pixels: int) -> bytes:
    return find_digit(read_pixels(image, max_pixels=max_pixels)).tobytes()


def _try_shortcut(image: ImageFile.ImageFile, max_pixels: int) -> bytes | None:
    if image.size != (SIDE, SIDE):
        return None
    pixels = read_pixels(image, max_pixels=max_pixels)
    ready = try_shortcut(pixels) if pixels.ndim == 2 else None
    return None if ready is None else ready.tobytes()
