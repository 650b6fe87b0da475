"""A plain grey PNG of 28x28 pixels, read without Pillow's reader of files."""

import struct
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from inference_bridge.errors import InvalidInput
from inference_pictures.decode import open_picture
from mnist_model.prepare import begin, prepare, read_pixels
from mnist_model.prepare.plain import read_plain
from tests.support.pictures import encoded, moved, sample

MAX_PIXELS = 1_000_000


def texted() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("title", "three")
    return encoded(sample("three"), pnginfo=texts)


def read_by_pillow(file: bytes) -> bytes | None:
    with suppress(InvalidInput):
        return read_pixels(open_picture(file), max_pixels=MAX_PIXELS).tobytes()
    return None


@settings(deadline=None)
@given(pixels=st.binary(min_size=784, max_size=784), smooth=st.booleans(), level=st.integers(0, 9))
def test_any_pixels_are_read_as_pillow_reads_them(pixels: bytes, smooth: bool, level: int) -> None:
    picture = Image.frombytes("L", (28, 28), pixels)
    # A smooth picture makes Pillow use the filters of PNG.
    file = encoded(picture.resize((3, 3)).resize((28, 28)) if smooth else picture, compress_level=level)

    found = read_plain(file)

    assert found is not None
    assert found.tobytes() == read_by_pillow(file)


@settings(deadline=None)
@given(at=st.integers(0, 250), byte=st.binary(min_size=1, max_size=3), is_longer=st.booleans())
def test_a_damaged_file_is_read_as_by_pillow_or_left_to_it(at: int, byte: bytes, is_longer: bool) -> None:
    whole = encoded(sample("three"))
    file = whole[:at] + byte + whole[at + (0 if is_longer else len(byte)) :]

    found = read_plain(file)

    assert found is None or found.tobytes() == read_by_pillow(file)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        encoded(sample("three"), "BMP"),
        encoded(sample("three").convert("RGB")),
        encoded(sample("three").convert("1")),
        encoded(sample("three").resize((28, 27))),
        texted(),
        encoded(sample("three")) + b"more",
        encoded(sample("three"))[:-1],
    ],
    ids=["nothing", "bmp", "colour", "bits", "size", "text", "more", "less"],
)
def test_every_other_file_is_left_to_pillow(file: bytes) -> None:
    assert read_plain(file) is None


@pytest.mark.parametrize("rows", [0, 20, 28, 40])
def test_pixels_of_another_number_of_rows_are_read_as_by_pillow_or_left_to_it(rows: int) -> None:
    other = encoded(Image.new("L", (28, max(1, rows)), 200))
    body = zlib.compress(b"") if rows == 0 else other[41:-16]
    chunk = b"IDAT" + body
    file = encoded(sample("three"))[:33] + struct.pack(">I", len(body)) + chunk
    file += struct.pack(">I", zlib.crc32(chunk)) + other[-12:]

    found = read_plain(file)

    assert found is None or found.tobytes() == read_by_pillow(file)


def test_a_moved_digit_is_prepared_without_pillows_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("opened by Pillow")

    file = encoded(moved(sample("three"), 2, -2))
    expected = prepare(file, max_pixels=MAX_PIXELS)
    monkeypatch.setattr("mnist_model.prepare.open_picture", refuse)

    assert begin(file, max_pixels=MAX_PIXELS) == expected
