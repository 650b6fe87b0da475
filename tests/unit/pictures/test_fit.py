"""A picture of any size becomes a model's input: parts are kept, cropped, filled and turned."""

import io

import numpy as np
import pytest
from PIL import Image

from inference_pictures.errors import UnreadableImage, UnsupportedImage
from inference_pictures.fit import Fit, Mode, read_fitted
from tests.support.hostile.bombs import bomb
from tests.support.hostile.originals import originals

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def fitted(file: bytes, size: tuple[int, int], fit: Fit = "cover", mode: Mode = "RGB") -> np.ndarray:
    """Return the pixels, (h, w[, 3])."""
    body = read_fitted(file, max_pixels=16_000_000, width=size[0], height=size[1], mode=mode, fit=fit)
    return np.frombuffer(body, np.uint8).reshape(size[1], size[0], *((3,) if mode == "RGB" else ()))


def stripes(side: int = 90, **options: object) -> bytes:
    """A picture three times as wide as high: red, green, blue from left to right."""
    image = Image.new("RGB", (3 * side, side))
    for number, colour in enumerate((RED, GREEN, BLUE)):
        image.paste(colour, (number * side, 0, (number + 1) * side, side))
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def test_cover_keeps_the_middle() -> None:
    assert (fitted(stripes(), (30, 30))[:, 2:-2] == GREEN).all()


def test_contain_keeps_all_and_fills_with_black() -> None:
    pixels = fitted(stripes(), (30, 30), "contain")

    assert pixels[15, [2, 15, 27]].tolist() == [[*RED], [*GREEN], [*BLUE]]
    assert not pixels[:9].any()
    assert not pixels[-9:].any()


def test_stretch_changes_the_proportions() -> None:
    pixels = fitted(stripes(), (30, 30), "stretch")

    assert pixels[0, [2, 15, 27]].tolist() == pixels[29, [2, 15, 27]].tolist() == [[*RED], [*GREEN], [*BLUE]]


def test_a_picture_of_the_right_size_keeps_its_pixels() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (6, 8, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")

    assert (fitted(file.getvalue(), (8, 6)) == pixels).all()


def test_grey_is_the_luma_of_the_colours() -> None:
    assert (fitted(stripes(), (10, 10), mode="L")[:, 2:-2] == 150).all()


def test_a_camera_that_was_turned_is_heeded() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned to the right

    pixels = fitted(stripes(exif=exif), (30, 90), "stretch")

    assert pixels[[5, 45, 85], 15].tolist() == [[*RED], [*GREEN], [*BLUE]]


def test_a_transparent_part_shows_white() -> None:
    file = io.BytesIO()
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(file, "PNG")

    assert (fitted(file.getvalue(), (4, 4)) == 255).all()


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
@pytest.mark.parametrize("size", [(1, 1), (1, 4_000), (4_000, 1), (3, 5)])
def test_any_proportions_have_a_result(fit: Fit, size: tuple[int, int]) -> None:
    file = io.BytesIO()
    Image.new("L", size, 255).save(file, "PNG")

    assert fitted(file.getvalue(), (20, 10), fit).max() == 255


@pytest.mark.parametrize("name", sorted(name for name in originals() if not name.endswith(("animated", "pages"))))
def test_every_format_is_fitted(name: str) -> None:
    assert fitted(originals()[name], (16, 12)).shape == (12, 16, 3)


def test_a_large_picture_is_averaged_and_not_sampled() -> None:
    """Every second pixel is white: a sample of some pixels would be black or white."""
    checks = Image.fromarray((np.indices((999, 999)).sum(0) % 2 * 255).astype(np.uint8))
    file = io.BytesIO()
    checks.save(file, "PNG")

    assert (abs(fitted(file.getvalue(), (10, 10), mode="L").astype(int) - 127) < 6).all()


def test_hostile_files_are_refused() -> None:
    with pytest.raises(UnreadableImage):
        fitted(bomb("png-profiles"), (8, 8))
    with pytest.raises(UnsupportedImage):
        fitted(b"text", (8, 8))
