"""Decodes an uploaded picture: the only way a picture gets into the system.

In: the bytes of a file, from anyone. Out: an upright picture of 8 bits. Only the errors of `inference_pictures.errors`
leave. The first bytes tell the format, never a file name or a content type, and only that format's decoder runs.
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

from inference_pictures.errors import UnreadableImage, UnsupportedImage
from inference_pictures.limits import bound
from inference_pictures.modes import shrink, to_eight_bits, turn_upright

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


def open_picture(picture: bytes) -> ImageFile.ImageFile:
    """Return the picture with its header read and its pixels not.

    Raises:
        UnsupportedImage: the bytes are in no format that we take.
        UnreadableImage: the header is broken, or hides more than a picture needs.
    """
    image_format = find_format(picture)
    picture = bound(picture, image_format)
    try:
        return Image.open(BytesIO(picture), formats=(image_format,))
    except _DECODER_ERRORS as error:
        raise _broken(error) from error


def decode(image: ImageFile.ImageFile, *, max_pixels: int, longest_side: int) -> Image.Image:
    """Return a picture from `open_picture` with its pixels: upright, in mode L, LA, RGB or RGBA.

    Safe to call from several threads at once.

    Args:
        image: from `open_picture`.
        max_pixels: most pixels, width times height, by the file's header.
        longest_side: larger pictures are averaged down to it.

    Raises:
        UnreadableImage: the picture is broken, too large or animated.
    """
    _check(image, max_pixels)
    try:
        # Lets a JPEG be decoded at 1/2, 1/4 or 1/8 of its size; other formats ignore it.
        image.draft("RGB", (longest_side, longest_side))
        image.load()
        return shrink(to_eight_bits(turn_upright(image)), longest_side)
    except _DECODER_ERRORS as error:
        raise _broken(error) from error


def find_format(picture: bytes) -> str:
    """Return Pillow's name for the format that the picture's first bytes tell.

    Raises:
        UnsupportedImage: they tell none that we take.
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
