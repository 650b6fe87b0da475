"""Decodes an uploaded picture. No other module decodes one.

In: the bytes of an untrusted file. Out: an upright picture of 8 bits. This module raises only the errors of
`inference_pictures.errors`. The first bytes give the format; the file name and the content type do not count. Only the
decoder of that format runs.
"""

import math
import re
import struct
from contextlib import nullcontext
from io import BytesIO
from threading import Lock

# These imports fill Pillow's registry of decoders. Pillow loads all its decoders when the registry lacks a format.
from PIL import (
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    ImageFile,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    PpmImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from inference_pictures.errors import UnreadableImage, UnsupportedImage
from inference_pictures.limits import bound
from inference_pictures.modes import drop_idle_alpha, shrink, to_eight_bits, turn_upright

#: First bytes of each format that we take.
SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WEBP"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"BM"), "BMP"),
    (re.compile(rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]"), "TIFF"),
    (re.compile(rb"P[1-6]\s"), "PPM"),
)
#: A picture with more pixels is decoded alone: a decoder needs up to 20 bytes for each pixel.
LARGE_PIXELS = 16_000_000
_ALONE = Lock()
#: Most pixels on a side: each row costs memory and time. Only PNG and TIFF allow more.
MAX_SIDE = 65_535

#: Errors that Pillow's decoders raise on broken input, by its documentation and its own tests.
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
    """Return the picture after reading its header only.

    Raises:
        UnsupportedImage: we do not take the format.
        UnreadableImage: the header is broken, or the file holds more than a picture needs.
    """
    image_format = find_format(picture)
    picture = bound(picture, image_format)
    try:
        return Image.open(BytesIO(picture), formats=(image_format,))
    except _DECODER_ERRORS as error:
        raise _explain_broken(error) from error


def decode(image: ImageFile.ImageFile, *, max_pixels: int, longest_side: int) -> Image.Image:
    """Read the pixels of a picture from `open_picture`; return it upright, in mode L, LA, RGB or RGBA.

    Several threads may call this at once; a picture of more than `LARGE_PIXELS` waits for others of its size.

    Args:
        image: from `open_picture`.
        max_pixels: most pixels, width times height, by the file's header.
        longest_side: most pixels on the longer side; a larger picture is averaged down to at least half of them.

    Raises:
        UnreadableImage: the picture is broken, too large or animated.
    """
    _check(image, max_pixels)
    with _ALONE if image.width * image.height > LARGE_PIXELS else nullcontext():
        return _read_pixels(image, longest_side)


def _read_pixels(image: ImageFile.ImageFile, longest_side: int) -> Image.Image:
    try:
        # A JPEG is then decoded at 1/2, 1/4 or 1/8 of its size; other formats ignore this call.
        least = longest_side / 2 / max(image.size)
        image.draft("RGB", (math.ceil(image.width * least), math.ceil(image.height * least)))
        image.load()
        return shrink(to_eight_bits(turn_upright(drop_idle_alpha(image))), longest_side)
    except _DECODER_ERRORS as error:
        raise _explain_broken(error) from error


def find_format(picture: bytes) -> str:
    """Return Pillow's name of the format, by the picture's first bytes.

    Raises:
        UnsupportedImage: we do not take the format.
    """
    for signature, name in SIGNATURES:
        if signature.match(picture):
            return name
    names = ", ".join(name for _, name in SIGNATURES)
    raise UnsupportedImage(f"the file is not a picture in one of the formats {names}; send one of these")


def find_media_type(picture: bytes) -> str:
    """Return the picture's media type, by its first bytes.

    Raises:
        UnsupportedImage: we do not take the format.
    """
    return Image.MIME[find_format(picture)]


def _check(image: ImageFile.ImageFile, max_pixels: int) -> None:
    pixels = image.width * image.height
    if pixels > max_pixels:
        raise UnreadableImage(
            f"the picture has {pixels / 1e6:.1f} megapixels, the limit is {max_pixels / 1e6:g}; send a smaller one"
        )
    if max(image.size) > MAX_SIDE:
        raise UnreadableImage(
            f"the picture is {image.width} x {image.height} pixels, a side may have {MAX_SIDE}; send a smaller one"
        )
    if _is_animated(image):
        raise UnreadableImage("the picture has more than 1 frame or page, the limit is 1; send a single one")


def _is_animated(image: ImageFile.ImageFile) -> bool:
    try:
        return bool(getattr(image, "is_animated", False))
    except _DECODER_ERRORS as error:
        raise _explain_broken(error) from error


def _explain_broken(error: BaseException) -> UnreadableImage:
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return UnreadableImage("the picture has more than 89 megapixels by its header; send a smaller one")
    # Pillow's own words for a file that it cannot open name an address in memory.
    reason = "its header is not valid" if isinstance(error, UnidentifiedImageError) else error
    return UnreadableImage(f"the picture is broken or cut off ({reason}); save it again as PNG or JPEG and send that")
