"""Valid pictures in every format and variant that the API takes; the hostile ones are made from them."""

import struct
import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np
from PIL import Image

from tests.support.pictures import encoded, sample

SIDE = 64
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@cache
def originals() -> dict[str, bytes]:
    """Return the files by name, such as `png-rgba`; the same in every run."""
    return dict([*_png(), *_interlaced(), *_jpeg(), *_webp(), *_tiff(), *_netpbm(), *_others()])


def png_chunk(kind: bytes, payload: bytes) -> bytes:
    """Return a PNG chunk with its right length and checksum."""
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def png_header(width: int, height: int, *, depth: int = 8, colour: int = 0, interlace: int = 0) -> bytes:
    """Return the signature and the IHDR chunk."""
    fields = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return PNG_SIGNATURE + png_chunk(b"IHDR", fields)


def _grey() -> Image.Image:
    return sample("three").resize((SIDE, SIDE))


def _png() -> Iterator[tuple[str, bytes]]:
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        yield f"png-{mode}", encoded(_grey().convert(mode), "PNG")
    deep = Image.fromarray(np.asarray(_grey(), np.uint16) * 257)
    yield "png-16", encoded(deep, "PNG")
    palette = _grey().convert("P")
    yield "png-clear-colour", encoded(palette, "PNG", transparency=0)
    yield "png-animated", encoded(_grey(), "PNG", save_all=True, append_images=[_grey().rotate(90)])


def _interlaced() -> Iterator[tuple[str, bytes]]:
    # The seven passes of Adam7; Pillow reads them and writes none.
    pixels = np.asarray(_grey())
    starts = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    passes = [pixels[top::down, left::right] for top, left, down, right in starts]
    rows = b"".join(b"\0" + row.tobytes() for lines in passes for row in lines)
    end = png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    yield "png-interlaced", png_header(SIDE, SIDE, interlace=1) + end


def _jpeg() -> Iterator[tuple[str, bytes]]:
    exif = Image.Exif()
    exif[0x0112] = 6
    for mode in ("L", "RGB", "CMYK"):
        yield f"jpeg-{mode}", encoded(_grey().convert(mode), "JPEG")
    yield "jpeg-progressive", encoded(_grey().convert("RGB"), "JPEG", progressive=True)
    yield "jpeg-exif", encoded(_grey(), "JPEG", exif=exif)
    yield "jpeg-profile", encoded(_grey(), "JPEG", icc_profile=bytes(200), comment=b"a comment")
    yield "jpeg-two-views", encoded(_grey().convert("RGB"), "MPO", save_all=True, append_images=[_grey()])


def _webp() -> Iterator[tuple[str, bytes]]:
    yield "webp-lossy", encoded(_grey(), "WEBP")
    yield "webp-lossless", encoded(_grey().convert("RGBA"), "WEBP", lossless=True)
    yield "webp-animated", encoded(_grey(), "WEBP", save_all=True, append_images=[_grey().rotate(90)])


def _tiff() -> Iterator[tuple[str, bytes]]:
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "lzma", "zstd"):
        yield f"tiff-{compression}", encoded(_grey(), "TIFF", compression=compression)
    for compression in ("group3", "group4", "tiff_ccitt"):
        yield f"tiff-{compression}", encoded(_grey().convert("1"), "TIFF", compression=compression)
    for mode in ("RGBA", "CMYK", "YCbCr", "I;16", "F"):
        yield f"tiff-{mode}", encoded(_grey().convert(mode), "TIFF")
    yield "tiff-big", encoded(_grey(), "TIFF", big_tiff=True)
    yield "tiff-pages", encoded(_grey(), "TIFF", save_all=True, append_images=[_grey()])


def _netpbm() -> Iterator[tuple[str, bytes]]:
    pixels = np.asarray(_grey())
    for mode in ("1", "L", "RGB"):
        yield f"netpbm-{mode}", encoded(_grey().convert(mode), "PPM")
    size = b"%d %d" % _grey().size
    yield "pgm-16", b"P5 " + size + b" 65535\n" + (pixels.astype(">u2") * 257).tobytes()
    yield "pgm-seven-bit", b"P5 " + size + b" 127\n" + (pixels // 2).tobytes()
    yield "pgm-plain", b"P2 # text\n" + size + b" 255\n" + b" ".join(b"%d" % value for value in pixels.ravel())
    yield "pbm-plain", b"P1 " + size + b"\n" + b"".join(b"%d" % value for value in (pixels > 127).ravel())


def _others() -> Iterator[tuple[str, bytes]]:
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield f"bmp-{mode}", encoded(_grey().convert(mode), "BMP")
    lines = (b"".join(bytes((1, value)) for value in line) for line in np.asarray(_grey())[::-1])
    runs = b"\0\0".join(lines) + b"\0\1"
    palette = bytes(value for level in range(256) for value in (level, level, level, 0))
    info = struct.pack("<IiiHHIIiiII", 40, SIDE, SIDE, 1, 8, 1, len(runs), 0, 0, 256, 0)
    yield "bmp-runs", b"BM" + struct.pack("<IHHI", 1078 + len(runs), 0, 0, 1078) + info + palette + runs
    yield "gif", encoded(_grey().convert("P"), "GIF")
    yield "gif-animated", encoded(_grey(), "GIF", save_all=True, append_images=[_grey().rotate(90)])
