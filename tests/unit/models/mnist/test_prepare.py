"""An uploaded file on its way to a tensor: which formats and modes are read, and how each refusal is worded."""

import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from inference_bridge.errors import InvalidInput
from inference_pictures.decode import open_picture
from inference_pictures.errors import UnreadableImage, UnsupportedImage
from mnist_model.prepare import SMALL_BYTES, WORKING_SIDE, begin, prepare, read_pixels
from tests.support.deployment import ROOT
from tests.support.pictures import encoded, sample

MAX_PIXELS = 1_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")


def on_paper(name: str = "three", side: int = 200) -> Image.Image:
    """A sample in black on white, light grey edges and all, above and left of the middle."""
    large = sample(name).resize((side // 2, side // 2), Image.Resampling.BICUBIC)
    paper = Image.new("L", (side, side), 255)
    paper.paste(0, (side // 8, side // 8), large)
    return paper


def prepared(picture: bytes | Image.Image) -> npt.NDArray[np.uint8]:
    file = picture if isinstance(picture, bytes) else encoded(picture)
    return np.frombuffer(prepare(file, max_pixels=MAX_PIXELS), np.uint8).reshape(28, 28)


def likeness(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def is_a(name: str, picture: bytes | Image.Image, *, at_least: float = 0.85) -> bool:
    return likeness(prepared(picture), np.asarray(sample(name))) >= at_least


def sixteen_bit(most: int) -> Image.Image:
    return Image.fromarray((np.asarray(on_paper(), np.float64) / 255 * most).astype(np.uint16))


def cut_out(grey: int) -> Image.Image:
    """The sample's strokes in one grey, on nothing."""
    ink = Image.eval(on_paper(), lambda value: 255 - value)
    strokes = Image.new("LA", ink.size, (grey, 0))
    strokes.putalpha(ink)
    return strokes


def palette_with_clear_colour() -> bytes:
    indices = on_paper().point(lambda value: value < 128, "L")
    image = Image.fromarray(np.asarray(indices, np.uint8), "L").convert("P")
    image.putpalette([255, 255, 255, 0, 0, 0])
    image.info["transparency"] = 0
    return encoded(image, transparency=0)


def turned(orientation: int) -> bytes:
    """A file whose pixels lie on their side and whose EXIF entry says so."""
    stored = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(on_paper().transpose(stored[orientation]), "JPEG", exif=exif, quality=95)


def frames(image_format: str) -> bytes:
    return encoded(on_paper(), image_format, save_all=True, append_images=[on_paper("four"), on_paper("seven")])


@pytest.mark.parametrize("image_format", FORMATS)
def test_every_format_is_read(image_format: str) -> None:
    assert is_a("three", encoded(on_paper(), image_format))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16", "F"])
def test_every_mode_is_read(mode: str) -> None:
    assert is_a("three", encoded(on_paper().convert(mode), "TIFF"))


def test_plain_text_pgm_is_read() -> None:
    assert prepared((ROOT / "samples/four.pgm").read_bytes()).tobytes() == sample("four").tobytes()


def test_bitmap_pbm_is_read() -> None:
    assert is_a("three", encoded(on_paper().convert("1"), "PPM"))


@pytest.mark.parametrize("most", [65_535, 4_095, 1_023], ids=["16 bits", "12 bits in 16", "10 bits in 16"])
def test_deep_grey_keeps_its_contrast(most: int) -> None:
    assert is_a("three", encoded(sixteen_bit(most)))


@pytest.mark.parametrize("grey", [0, 90, 255], ids=["black", "grey", "white"])
def test_ink_on_nothing_is_seen(grey: int) -> None:
    assert is_a("three", cut_out(grey))


def test_clear_colour_of_a_palette_is_paper() -> None:
    assert is_a("three", palette_with_clear_colour())


def test_picture_with_clear_corners_keeps_its_paper() -> None:
    image = on_paper().convert("RGBA")
    corners = Image.new("L", image.size, 0)
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, *image.size), radius=40, fill=255)
    image.putalpha(corners)

    assert is_a("three", image)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_exif_orientation_is_obeyed(orientation: int) -> None:
    assert is_a("three", turned(orientation))


def test_phone_jpeg_with_a_second_view_is_read() -> None:
    assert is_a("three", encoded(on_paper(), "MPO", save_all=True, append_images=[on_paper()]))


def test_large_jpeg_is_reduced_while_it_is_decoded() -> None:
    picture = encoded(on_paper(side=4_000).convert("RGB"), "JPEG")

    started_s = time.thread_time()
    small = np.frombuffer(prepare(picture, max_pixels=16_000_000), np.uint8).reshape(28, 28)

    assert likeness(small, np.asarray(sample("three"))) >= 0.85
    assert time.thread_time() - started_s < 1


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (4_000, 3_000), (200, 100)], ids=str)
def test_no_more_pixels_are_decoded_than_the_steps_need(size: tuple[int, int]) -> None:
    file = encoded(Image.new("RGB", size, "red"), "JPEG")

    pixels = read_pixels(open_picture(file), max_pixels=16_000_000)

    assert min(max(size), WORKING_SIDE / 2) <= max(pixels.shape) <= WORKING_SIDE


@pytest.mark.parametrize("name", ["three", "four", "seven"])
def test_mnist_picture_passes_unchanged(name: str) -> None:
    assert prepare(encoded(sample(name)), max_pixels=MAX_PIXELS) == sample(name).tobytes()


@pytest.mark.parametrize(
    "picture",
    [b"", b"%PDF-1.7 and more", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\0" * 100, b"%!PS-Adobe-3.0 EPSF-3.0"],
    ids=["nothing", "pdf", "svg", "zeros", "postscript"],
)
def test_other_formats_are_unsupported_and_ours_are_named(picture: bytes) -> None:
    with pytest.raises(UnsupportedImage, match="PNG, JPEG, WEBP, GIF, BMP, TIFF, PPM; send one of these"):
        prepare(picture, max_pixels=MAX_PIXELS)


@pytest.mark.parametrize("image_format", FORMATS)
def test_truncated_picture_is_unreadable(image_format: str) -> None:
    picture = encoded(on_paper(), image_format)

    with pytest.raises(UnreadableImage, match="broken or cut off"):
        prepare(picture[: len(picture) // 2], max_pixels=MAX_PIXELS)


@pytest.mark.parametrize("image_format", FORMATS)
def test_signature_alone_is_unreadable(image_format: str) -> None:
    with pytest.raises(UnreadableImage, match="broken or cut off"):
        prepare(encoded(on_paper(), image_format)[:16], max_pixels=MAX_PIXELS)


def test_too_many_pixels_are_refused_by_the_header() -> None:
    picture = encoded(Image.new("1", (5_000, 5_000)))

    with pytest.raises(UnreadableImage, match=r"25\.0 megapixels, the limit is 16; send a smaller one"):
        prepare(picture, max_pixels=16_000_000)


def test_header_that_claims_the_earth_is_refused_before_it_is_decoded() -> None:
    picture = bytearray(encoded(on_paper()))
    picture[16:24] = (60_000).to_bytes(4) * 2
    picture[29:33] = zlib.crc32(picture[12:29]).to_bytes(4)

    with pytest.raises(UnreadableImage, match=r"megapixels.*send a smaller one"):
        prepare(bytes(picture), max_pixels=16_000_000)


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_several_frames_are_refused(image_format: str) -> None:
    with pytest.raises(UnreadableImage, match="more than 1 frame or page, the limit is 1"):
        prepare(frames(image_format), max_pixels=MAX_PIXELS)


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (28, 28), 0),
        Image.new("L", (28, 28), 255),
        Image.new("RGB", (300, 200), (200, 30, 30)),
        Image.new("RGBA", (300, 200), (0, 0, 0, 0)),
        Image.fromarray((np.indices((200, 200)).sum(0) % 4 + 120).astype(np.uint8)),
        Image.fromarray(np.random.default_rng(1).normal(128, 12, (300, 300)).clip(0, 255).astype(np.uint8)),
        Image.fromarray((np.indices((300, 300)).sum(0) / 600 * 100 + 100).astype(np.uint8)),
        Image.fromarray((np.indices((200, 200)).sum(0) % 4 + 30_000).astype(np.uint16)),
        Image.new("L", (1, 1), 7),
    ],
    ids=[
        "black",
        "white",
        "one colour",
        "nothing at all",
        "tiny variation",
        "noise",
        "a slope of light",
        "16 bit",
        "dot",
    ],
)
def test_blank_picture_is_refused(image: Image.Image) -> None:
    with pytest.raises(UnreadableImage, match=r"picture is blank.*send a picture"):
        prepare(encoded(image), max_pixels=MAX_PIXELS)


@pytest.mark.parametrize(
    ("picture", "is_at_once"),
    [
        (encoded(sample("three")), True),
        (encoded(on_paper()), False),
        (encoded(sample("three")) + bytes(SMALL_BYTES), False),
    ],
    ids=["28x28", "200x200", "many bytes"],
)
def test_only_a_picture_that_needs_next_to_nothing_is_prepared_at_once(picture: bytes, is_at_once: bool) -> None:
    begun = begin(picture, max_pixels=MAX_PIXELS)

    assert isinstance(begun, bytes) == is_at_once
    assert (begun if isinstance(begun, bytes) else begun()) == prepare(picture, max_pixels=MAX_PIXELS)


def test_not_even_the_header_of_a_large_file_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_model.prepare.open_picture", None)

    assert callable(begin(encoded(sample("three")) + bytes(SMALL_BYTES), max_pixels=MAX_PIXELS))


def test_threads_do_not_disturb_each_other() -> None:
    names = ["three", "four", "seven"] * 4
    start = threading.Barrier(4)

    def work(name: str) -> bool:
        if name == "three":
            start.wait(timeout=10)
        return is_a(name, on_paper(name))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, names))


SEEDS = [encoded(on_paper(side=64), image_format) for image_format in FORMATS]
SEEDS += [
    frames("GIF"),
    turned(6),
    palette_with_clear_colour(),
    encoded(cut_out(0), "WEBP"),
    encoded(sixteen_bit(4_095)),
]


def gives_784_bytes_or_a_refusal(picture: bytes) -> None:
    with suppress(InvalidInput):
        assert len(prepare(picture, max_pixels=MAX_PIXELS)) == 784


@settings(max_examples=40)
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), max_size=6))
def test_damaged_picture_gives_784_bytes_or_a_refusal(seed: bytes, damage: list[tuple[float, bytes]]) -> None:
    picture = bytearray(seed)
    for where, chunk in damage:
        start = int(where * len(seed))
        picture[start : start + len(chunk)] = chunk

    gives_784_bytes_or_a_refusal(bytes(picture))


@settings(max_examples=40)
@given(st.sampled_from([seed[:n] for seed in SEEDS for n in (2, 8, 16)]), st.binary(max_size=200))
def test_any_bytes_after_a_signature_give_784_bytes_or_a_refusal(start: bytes, rest: bytes) -> None:
    gives_784_bytes_or_a_refusal(start + rest)


@settings(max_examples=15)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(["1", "L", "LA", "RGB", "RGBA"]),
    st.randoms(use_true_random=False),
)
def test_any_pixels_give_784_bytes_or_a_refusal(width: int, height: int, mode: str, random: Any) -> None:
    image = Image.frombytes("RGBA", (width, height), random.randbytes(width * height * 4)).convert(mode)

    gives_784_bytes_or_a_refusal(encoded(image))


@pytest.mark.parametrize("side", [(1, 900), (900, 1), (2, 2), (3, 400), (27, 29)], ids=str)
@pytest.mark.parametrize("draw", [lambda d, s: d.point((s[0] // 2, s[1] // 2), 0)], ids=["dot"])
def test_any_shape_gives_784_bytes_or_a_refusal(
    side: tuple[int, int], draw: Callable[[ImageDraw.ImageDraw, tuple[int, int]], None]
) -> None:
    image = Image.new("L", side, 255)
    draw(ImageDraw.Draw(image), side)

    gives_784_bytes_or_a_refusal(encoded(image))
