"""The limits of a file besides its pixels, and that a file made faster to decode has the same pixels."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from inference_pictures.decode import MAX_SIDE, decode, open_picture
from inference_pictures.errors import UnreadableImage
from inference_pictures.limits import MAX_CHUNKS, MAX_PROFILES, MAX_SCANS, bound, count_jpeg_parts
from tests.support.hostile.bombs import bomb, zeros
from tests.support.hostile.originals import originals, png_chunk, png_header

MAX_PIXELS = 16_000_000


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("png-profiles", "more colour profiles than a picture needs, the limit is 8"),
        ("png-empty-chunks", "more chunks than a picture needs, the limit is 20000"),
        ("png-tiny-data", "more chunks"),
        ("jpeg-scans", "more scans than a picture needs, the limit is 32"),
        ("jpeg-empty-segments", "more segments"),
        ("jpeg-exifs", "more segments"),
        ("jpeg-padding", "more segments"),
        ("bmp-runs", "more bytes of run lengths"),
        ("pgm-header-comments", "no width and height"),
        ("png-tall", f"a side may have {MAX_SIDE}"),
    ],
)
def test_a_file_that_would_take_long_is_refused_before_it_is_decoded(name: str, reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        decode(open_picture(bomb(name)), max_pixels=MAX_PIXELS, longest_side=400)


@pytest.mark.parametrize("name", sorted(originals()))
def test_pictures_as_tools_write_them_keep_every_byte_that_matters(name: str) -> None:
    picture = originals()[name]
    kind = {"png": "PNG", "jpeg": "JPEG", "bmp": "BMP", "netpbm": "PPM", "pgm": "PPM", "pbm": "PPM"}
    image_format = kind.get(name.split("-")[0], "TIFF")

    assert pixels(bound(picture, image_format)) == pixels(picture)


def pixels(picture: bytes) -> bytes:
    with Image.open(io.BytesIO(picture)) as image:
        return np.asarray(image.convert("F" if image.mode in ("I", "I;16") else image.mode)).tobytes()


def test_a_progressive_jpeg_has_about_ten_scans() -> None:
    assert 4 <= count_jpeg_parts(originals()["jpeg-progressive"])[1] <= 12
    assert MAX_SCANS > 12


def test_as_many_profiles_as_the_limit_are_read() -> None:
    whole = originals()["png-L"]
    profile = png_chunk(b"iCCP", b"a\0\0")

    assert bound(whole[:33] + profile * MAX_PROFILES + whole[33:], "PNG")
    with pytest.raises(UnreadableImage, match="colour profiles"):
        bound(whole[:33] + profile * (MAX_PROFILES + 1) + whole[33:], "PNG")


def test_a_palette_picture_without_its_palette_is_broken() -> None:
    pixels_alone = png_chunk(b"IDAT", zeros(64 * 65)) + png_chunk(b"IEND", b"")

    with pytest.raises(UnreadableImage, match="broken"):
        decode(open_picture(png_header(64, 64, colour=3) + pixels_alone), max_pixels=MAX_PIXELS, longest_side=400)


def test_the_end_of_a_cut_off_png_is_no_chunk() -> None:
    assert bound(png_header(28, 28) + b"\0\0\0", "PNG")
    assert MAX_CHUNKS > 2_000_000 // 8_192


@given(
    most=st.integers(1, 65_534),
    bands=st.sampled_from([1, 3]),
    samples=st.lists(st.integers(0, 65_535), min_size=12, max_size=12),
)
@settings(max_examples=200)
def test_an_odd_depth_becomes_what_pillow_makes_of_it(most: int, bands: int, samples: list[int]) -> None:
    depth = np.uint8 if most < 256 else np.dtype(">u2")
    values = (np.array(samples) % (most + 1)).astype(depth)
    picture = b"P%d\n# odd\n%d 2 %d\n" % (5 if bands == 1 else 6, 6 // bands, most) + values.tobytes()

    assert pixels(bound(picture, "PPM")) == pixels(picture)


@given(text=st.text("01 23#\n\r", max_size=60))
def test_a_plain_picture_loses_its_comments_only(text: str) -> None:
    picture = b"P2 3 3 255\n" + text.encode()

    assert b"#" not in bound(picture, "PPM")
    assert decoded(bound(picture, "PPM")) == decoded(picture)


def decoded(picture: bytes) -> bytes:
    try:
        return pixels(picture)
    except (OSError, ValueError):
        return b"broken"


@given(picture=st.binary(max_size=200), kind=st.sampled_from(["PNG", "JPEG", "BMP", "PPM", "GIF"]))
def test_any_bytes_are_passed_on_or_refused(picture: bytes, kind: str) -> None:
    starts = {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff", "BMP": b"BM", "PPM": b"P5 ", "GIF": b"GIF89a"}
    try:
        assert bound(starts[kind] + picture, kind)
    except UnreadableImage as error:
        assert "picture" in str(error)  # noqa: PT017
