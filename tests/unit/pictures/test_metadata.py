"""Broken metadata never makes a sound picture unreadable: a file gives the pixels that it gives without the damage."""

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from inference_pictures.decode import decode, open_picture
from inference_pictures.errors import UnreadableImage
from tests.support.hostile.originals import originals, png_chunk
from tests.support.pictures import encoded, sample

LARGE = bytes(3_000_000)
JUNK = b"junkjunkjunk"
PNG_TEXTS = {
    "iCCP-of-3-MB": png_chunk(b"iCCP", b"a\0\0" + zlib.compress(LARGE)),
    "zTXt-of-3-MB": png_chunk(b"zTXt", b"a\0\0" + zlib.compress(LARGE)),
    "iTXt-of-3-MB": png_chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(LARGE)),
    "zTXt-EXIF-of-3-MB": png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(LARGE)),
    "zTXt-EXIF-junk": png_chunk(b"zTXt", b"Raw profile type exif\0\0" + JUNK),
    "tEXt-EXIF-junk": png_chunk(b"tEXt", b"Raw profile type exif\0\n\n\n" + JUNK),
    "iTXt-XMP-junk": png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0tiff:Orientation=" + JUNK),
    "zTXt-unknown-method": png_chunk(b"zTXt", b"a\0\7" + JUNK),
    "tEXt-wrong-checksum": png_chunk(b"tEXt", b"a\0b")[:-4] + b"\0\0\0\0",
    "eXIf-wrong-checksum": png_chunk(b"eXIf", JUNK)[:-4] + b"\0\0\0\0",
}
PNG_KINDS = ("eXIf", "iCCP", "tEXt", "zTXt", "iTXt", "gAMA", "cHRM", "sRGB", "pHYs", "tIME", "sBIT", "hIST", "prVt")
JPEG_NAMES = (
    b"Exif\0\0",
    b"JFIF\0",
    b"ICC_PROFILE\0",
    b"Photoshop 3.0\0",
    b"MPF\0",
    b"Adobe",
    b"http://ns.adobe.com/xap/1.0/\0",
    b"",
)
WEBP_KINDS = {b"EXIF": 8, b"XMP ": 4, b"ICCP": 32}


def pixels(file: bytes) -> bytes:
    image = decode(open_picture(file), max_pixels=1_000_000, longest_side=400)
    return image.mode.encode() + image.tobytes()


def with_chunk(chunk: bytes, *, last: bool = False) -> bytes:
    """A PNG with a chunk more, after its header or after its pixels."""
    whole = originals()["png-L"]
    at = len(whole) - 12 if last else 33
    return whole[:at] + chunk + whole[at:]


def with_segment(marker: int, body: bytes) -> bytes:
    """A JPEG with a segment more."""
    whole = originals()["jpeg-RGB"]
    return whole[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + whole[2:]


def webp_with(kind: bytes) -> bytes:
    """A WebP with a junk block of this kind."""
    picture = encoded(sample("three"), "WEBP", lossless=True)[12:]
    extended = struct.pack("<4sIB3x3s3s", b"VP8X", 10, WEBP_KINDS[kind], b"\x1b\0\0", b"\x1b\0\0")
    block = kind + struct.pack("<I", len(JUNK)) + JUNK
    body = extended + (block + picture if kind == b"ICCP" else picture + block)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def bitmap(alpha: int) -> bytes:
    """A bitmap as Windows' clipboard has it: 32 bits, with masks for its four bands."""
    rows = np.zeros((28, 28, 4), np.uint8)
    rows[..., :3], rows[..., 3] = np.asarray(sample("three"))[::-1, :, None], alpha
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    head = struct.pack("<IiiHHIIiiII", 124, 28, 28, 1, 32, 3, rows.size, 0, 0, 0, 0) + masks
    head = head.ljust(124, b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + rows.size, 0, 0, 14 + len(head)) + head + rows.tobytes()


def junk_chunks() -> Iterator[tuple[str, bytes]]:
    yield from PNG_TEXTS.items()
    for kind in PNG_KINDS:
        for body in (b"", JUNK, b"a\0b"):
            yield f"{kind}-{body!r}", png_chunk(kind.encode(), body)


@pytest.mark.parametrize("last", [False, True], ids=["before the pixels", "after them"])
@pytest.mark.parametrize("chunk", dict(junk_chunks()).values(), ids=dict(junk_chunks()))
def test_a_png_chunk_that_is_junk_is_ignored(chunk: bytes, last: bool) -> None:
    assert pixels(with_chunk(chunk, last=last)) == pixels(originals()["png-L"])


@pytest.mark.parametrize("name", JPEG_NAMES)
@pytest.mark.parametrize("marker", [0xE0, 0xE1, 0xE2, 0xEC, 0xED, 0xEE, 0xFE])
@pytest.mark.parametrize("rest", [b"", b"\0", JUNK, b"II*\0\xff\xff\xff\xff", b"8BIM" + JUNK, b"8BIM\0\0"])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_jpeg_segment_that_is_junk_is_ignored(marker: int, name: bytes, rest: bytes) -> None:
    assert pixels(with_segment(marker, name + rest)) == pixels(originals()["jpeg-RGB"])


@pytest.mark.parametrize("kind", WEBP_KINDS)
def test_a_webp_block_that_is_junk_is_ignored(kind: bytes) -> None:
    assert pixels(webp_with(kind)) == pixels(encoded(sample("three"), "WEBP", lossless=True))


@pytest.mark.parametrize("tag", [34_675, 33_723, 34_377, 700], ids=["profile", "IPTC", "Photoshop", "XMP"])
def test_a_tiff_tag_that_is_junk_is_ignored(tag: int) -> None:
    assert pixels(encoded(sample("three"), "TIFF", tiffinfo={tag: JUNK})) == pixels(encoded(sample("three"), "TIFF"))


def test_a_bitmap_without_any_alpha_is_opaque() -> None:
    assert pixels(bitmap(0)) == pixels(encoded(sample("three"), "BMP"))


def test_a_bitmap_with_alpha_keeps_it() -> None:
    assert pixels(bitmap(90)).startswith(b"RGBA")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_sound_orientation_is_obeyed_next_to_junk(image_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = sample("three").crop((0, 0, 28, 20))

    seen = decode(open_picture(encoded(picture, image_format, exif=exif)), max_pixels=1_000, longest_side=400)

    assert seen.size == ((20, 28) if orientation > 4 else (28, 20))


@pytest.mark.parametrize(
    "text",
    [
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<tiff:Orientation>6</tiff:Orientation>"),
        png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n32\n" + (
            b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0").hex().encode())),
    ],
    ids=["XMP", "ImageMagick's"],
)  # fmt: skip
def test_orientation_in_a_text_of_a_png_is_obeyed(text: bytes) -> None:
    turned = Image.open(io.BytesIO(originals()["png-L"])).transpose(Image.Transpose.ROTATE_270)

    assert pixels(with_chunk(text)) == b"L" + turned.tobytes()


def test_a_header_that_is_not_valid_is_named_without_an_address() -> None:
    broken = originals()["png-L"][:20] + b"\xff\xff\xff\xff" + originals()["png-L"][24:]

    with pytest.raises(UnreadableImage, match="its header is not valid") as caught:
        pixels(broken)

    assert "0x" not in str(caught.value)
