"""Decodes an uploaded picture and turns it into the model's input: the only way a picture gets into the system.

In: the bytes of a file, from anyone. Out: 784 bytes that look like MNIST. Only `InvalidImage` errors leave. The
format is told by the first bytes, never by a file name or a content type, and only that format's decoder runs.
"""

import re
import struct
from io import BytesIO

# Pillow finds its decoders in a registry that these imports fill. What is missing there makes it load all others.
from PIL import (
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    ImageFile,
    JpegImagePlugin,  # noqa: F401
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    PpmImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from mnist_api.digit import SIDE
from mnist_api.ink import as_it_is, digit_of
from mnist_api.pixels import WORKING_SIDE, Pixels, pixels_of
from mnist_api.structure import bounded
from mnist_bridge.errors import UnreadableImage, UnsupportedImage

#: First bytes of each format that we take. MPO is what phones call a JPEG with a second view behind it.
SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WEBP"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"BM"), "BMP"),
    (re.compile(rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]"), "TIFF"),
    (re.compile(rb"P[1-6]\s"), "PPM"),
)
#: Most pixels on a side: each row takes memory and time of its own. Only PNG and TIFF could have more.
MAX_SIDE = 65_535
#: A longer file of 28x28 pixels holds something else besides them.
SMALL_BYTES = 32_768

#: What Pillow's decoders raise on broken input, by its documentation and its own tests.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    MemoryError,
    AssertionError,
    AttributeError,
    RuntimeError,
    NotImplementedError,
    struct.error,
    Image.DecompressionBombError,
    Warning,
)


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
    return prepare_opened(opened(picture), max_pixels=max_pixels)


def prepare_opened(image: ImageFile.ImageFile, *, max_pixels: int) -> bytes:
    """Do the same as `prepare` for a picture from `opened`."""
    return digit_of(decoded(image, max_pixels=max_pixels)).tobytes()


def prepare_at_once(image: ImageFile.ImageFile, byte_count: int, *, max_pixels: int) -> bytes | None:
    """Do the same as `prepare_opened` if that takes next to no time, else return None.

    A picture of the model's own size that needs at most inverting or moving takes less time than handing it to a
    thread; any other takes some hundred times as long.

    Args:
        image: from `opened`.
        byte_count: length of its file.
        max_pixels: most pixels, width times height.
    """
    if image.size != (SIDE, SIDE) or byte_count > SMALL_BYTES:
        return None
    pixels = decoded(image, max_pixels=max_pixels)
    ready = as_it_is(pixels) if pixels.ndim == 2 else None
    return None if ready is None else ready.tobytes()


def decoded(image: ImageFile.ImageFile, *, max_pixels: int) -> Pixels:
    """Return the pixels of a picture from `opened`: upright, on solid ground, large ones reduced; (h, w[, 3]) uint8.

    Raises:
        UnreadableImage: the picture is broken, too large or animated.
    """
    _check(image, max_pixels)
    try:
        # Lets a JPEG be decoded at 1/2, 1/4 or 1/8 of its size; other formats ignore it.
        image.draft("RGB", (WORKING_SIDE, WORKING_SIDE))
        return pixels_of(image)
    except _DECODER_ERRORS as error:
        raise _broken(error) from error


def opened(picture: bytes) -> ImageFile.ImageFile:
    """Return the picture with its header read and its pixels not.

    Raises:
        UnsupportedImage: the bytes are in no format that we take.
        UnreadableImage: the header is broken, or hides more than a picture needs.
    """
    image_format = format_of(picture)
    picture = bounded(picture, image_format)
    try:
        return Image.open(BytesIO(picture), formats=(image_format,))
    except _DECODER_ERRORS as error:
        raise _broken(error) from error


def format_of(picture: bytes) -> str:
    """Return Pillow's name for the picture's format, told by its first bytes.

    Raises:
        UnsupportedImage: they belong to none that we take.
    """
    for signature, name in SIGNATURES:
        if signature.match(picture):
            return name
    names = ", ".join(name for _, name in SIGNATURES)
    raise UnsupportedImage(f"the file is no picture in a format that we take, which are {names}; send one of these")


def _check(image: ImageFile.ImageFile, max_pixels: int) -> None:
    pixels = image.width * image.height
    if pixels > max_pixels:
        raise UnreadableImage(
            f"picture has {pixels / 1e6:.1f} megapixels, the limit is {max_pixels / 1e6:g}; send a smaller one"
        )
    if max(image.size) > MAX_SIDE:
        raise UnreadableImage(
            f"picture is {image.width} x {image.height} pixels, the limit is {MAX_SIDE} on a side; send a smaller one"
        )
    if image.format != "MPO" and _is_animated(image):
        raise UnreadableImage("picture has more than 1 frame or page, the limit is 1; send a single one")


def _is_animated(image: ImageFile.ImageFile) -> bool:
    try:
        return bool(getattr(image, "is_animated", False))
    except _DECODER_ERRORS as error:
        raise _broken(error) from error


def _broken(error: BaseException) -> UnreadableImage:
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return UnreadableImage("picture has more than 89 megapixels by its header; send a smaller one")
    return UnreadableImage(f"picture is broken or cut off ({error}); save it again as PNG or JPEG and send that")
