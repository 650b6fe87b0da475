"""Valid or nearly valid files, far below the limit in bytes, that cost a decoder as much time or memory as they can."""

import struct
import zlib
from collections.abc import Callable
from functools import cache, partial

import numpy as np
from PIL import Image

from tests.support.hostile.originals import originals, png_chunk, png_header
from tests.support.pictures import encoded

#: The API's default limits; a bomb stays just below both.
SIDE = 4_000
MAX_BYTES = 2_000_000
_MEGABYTE = bytes(1_048_575)
_END = png_chunk(b"IEND", b"")


@cache
def bomb(name: str) -> bytes:
    """Return the file of that name."""
    return BOMBS[name]()


def zeros(byte_count: int) -> bytes:
    """Return `byte_count` zero bytes, deflated."""
    return zlib.compress(bytes(byte_count), 1)


def _png(width: int, height: int, *, depth: int, colour: int, interlace: int = 0, chunks: bytes = b"") -> bytes:
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    rows = zeros((2 if interlace else 1) * height * (1 + (width * bits + 7) // 8))
    header = png_header(width, height, depth=depth, colour=colour, interlace=interlace)
    return header + chunks + png_chunk(b"IDAT", rows) + _END


def _chunks(kind: bytes, payload: bytes) -> bytes:
    small = png_header(28, 28)
    chunk = png_chunk(kind, payload)
    return small + chunk * (MAX_BYTES // len(chunk)) + png_chunk(b"IDAT", zeros(28 * 29)) + _END


def _tiny_data() -> bytes:
    rows = zlib.compress(np.random.default_rng(0).integers(0, 256, 150_000, np.uint8).tobytes(), 0)
    return png_header(386, 386) + b"".join(png_chunk(b"IDAT", rows[at : at + 1]) for at in range(150_000)) + _END


def _jpeg_with(segment: bytes) -> bytes:
    whole = originals()["jpeg-L"]
    return whole[:2] + segment * ((MAX_BYTES - len(whole)) // len(segment)) + whole[2:]


def _scans() -> bytes:
    whole = encoded(Image.new("L", (SIDE, SIDE)), "JPEG", progressive=True)
    scan = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + scan * ((MAX_BYTES - len(whole)) // len(scan)) + whole[-2:]


def _saved(mode: str, image_format: str, **options: str | int | bool) -> bytes:
    return encoded(Image.new(mode, (SIDE, SIDE)), image_format, **options)


def _runs(pair: bytes) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, SIDE, SIDE, 1, 8, 1, MAX_BYTES, 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 1_078) + info + bytes(1_024) + pair * (MAX_BYTES // len(pair) - 1_000)


def _gif_with(block: bytes, before: bytes = b"", after: bytes = b"") -> bytes:
    whole = originals()["gif"]
    start = 13 + 3 * 2 ** (1 + (whole[10] & 7))
    return whole[:start] + before + block * ((MAX_BYTES - 10_000) // len(block)) + after + whole[start:]


def _tags(count: int) -> bytes:
    entries = b"".join(struct.pack("<HHI4s", tag, 1, 4, b"aaaa") for tag in range(count))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entries + bytes(4)


def _huge_png() -> bytes:
    return png_header(60_000, 60_000) + png_chunk(b"IDAT", zeros(1_000_000)) + _END


BOMBS: dict[str, Callable[[], bytes]] = {
    **{
        f"png-{depth}-bit-colour-{colour}": partial(_png, SIDE, SIDE, depth=depth, colour=colour)
        for depth, colour in ((1, 0), (8, 0), (16, 0), (8, 2), (16, 2), (8, 4), (16, 4), (8, 6), (16, 6))
    },
    "png-interlaced": partial(_png, SIDE, SIDE, depth=8, colour=6, interlace=1),
    "png-clear-grey": partial(_png, SIDE, SIDE, depth=8, colour=0, chunks=png_chunk(b"tRNS", b"\0\0")),
    "png-wide": partial(_png, SIDE * SIDE, 1, depth=8, colour=0),
    "png-tall": partial(_png, 1, SIDE * SIDE, depth=8, colour=0),
    "png-beyond-the-limit": _huge_png,
    "png-empty-chunks": partial(_chunks, b"abCd", b""),
    "png-empty-data": partial(_chunks, b"IDAT", b""),
    "png-tiny-data": _tiny_data,
    "png-texts": partial(_chunks, b"tEXt", b"a\0b"),
    "png-packed-texts": partial(_chunks, b"zTXt", b"a\0\0" + zlib.compress(_MEGABYTE)),
    "png-packed-utf8-texts": partial(_chunks, b"iTXt", b"a\0\1\0\0\0" + zlib.compress(_MEGABYTE)),
    "png-profiles": partial(_chunks, b"iCCP", b"a\0\0" + zlib.compress(_MEGABYTE)),
    "png-palettes": partial(_chunks, b"PLTE", bytes(768)),
    "png-animation-controls": partial(_chunks, b"acTL", bytes(8)),
    "jpeg-scans": _scans,
    "jpeg-empty-segments": partial(_jpeg_with, b"\xff\xe5\0\2"),
    "jpeg-exifs": partial(_jpeg_with, b"\xff\xe1\0\x09Exif\0\0M"),
    "jpeg-profiles": partial(_jpeg_with, b"\xff\xe2\0\x10ICC_PROFILE\0\1\1"),
    "jpeg-padding": partial(_jpeg_with, b"\xff"),
    "jpeg-tables": partial(_jpeg_with, b"\xff\xdb\0\x43\0" + bytes([1]) * 64),
    "jpeg-progressive": partial(_saved, "RGB", "JPEG", progressive=True),
    "jpeg-cmyk": partial(_saved, "CMYK", "JPEG"),
    "webp-lossy": partial(_saved, "RGB", "WEBP", method=0),
    "webp-lossless": partial(_saved, "RGBA", "WEBP", lossless=True, method=0, quality=0),
    "gif-pixels": partial(_saved, "P", "GIF"),
    "gif-comments": partial(_gif_with, b"!\xfe\1a\0"),
    "gif-long-comment": partial(_gif_with, b"\1a", b"!\xfe", b"\0"),
    "gif-extensions": partial(_gif_with, b"!\1\1a\0"),
    "bmp-runs": partial(_runs, b"\1\0"),
    "bmp-long-runs": partial(_runs, b"\xff\0"),
    "bmp-jumps": partial(_runs, b"\0\2\0\0"),
    "tiff-tags": partial(_tags, 65_535),
    **{
        f"tiff-{compression}-{mode}": partial(_saved, mode, "TIFF", compression=compression)
        for compression in ("tiff_lzw", "tiff_adobe_deflate", "zstd")
        for mode in ("L", "RGBA", "I;16", "F")
    },
    "tiff-lzma": partial(_saved, "L", "TIFF", compression="lzma"),
    "pgm-odd-depth": lambda: b"P5 1400 1400 100\n" + bytes(1_960_000),
    "ppm-odd-depth": lambda: b"P6 800 800 1000\n" + bytes(1_920_000),
    "pgm-plain": lambda: b"P2 1000 1000 255\n" + b"0 " * 990_000,
    "pgm-comments": lambda: b"P2 1000 1000 255\n" + b"#\n" * 990_000,
    "pgm-header-comments": lambda: b"P5\n" + b"#\n" * 990_000,
    "pbm-pixels": lambda: b"P4 4000 4000\n" + bytes(2_000_000),
}
