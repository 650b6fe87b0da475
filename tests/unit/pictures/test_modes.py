"""Pictures deeper than 8 bits are stretched a block at a time, large ones reduced, idle alpha dropped."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from inference_pictures import modes
from inference_pictures.modes import Pixels, drop_colour, drop_idle_alpha, shrink, stretch

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))


@given(deep=st.sampled_from([np.uint16, np.int32, np.float32]).flatmap(lambda kind: arrays(kind, SHAPES)))
@settings(max_examples=200)
def test_blocks_make_no_difference(deep: np.ndarray) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modes, "BLOCK", 7)
        in_blocks = stretch(deep)

    assert (in_blocks == as_a_whole(deep)).all()


def as_a_whole(deep: np.ndarray) -> Pixels:
    """The definition, without a thought of memory."""
    values = np.nan_to_num(deep.astype(np.float64), nan=0, posinf=0, neginf=0)
    low, high = values.min(), values.max()
    if high - low <= 0.02 * max(abs(low), abs(high)):
        return np.zeros(values.shape, np.uint8)
    return np.asarray((values - low) * (255 / (high - low)), np.float64).astype(np.uint8)


@pytest.mark.parametrize("size", [(100, 60), (101, 60), (60, 999), (1, 65_535)], ids=str)
def test_reduced_picture_keeps_more_than_half_of_the_most_pixels(size: tuple[int, int]) -> None:
    assert 50 < max(shrink(Image.new("L", size), 100).size) <= 100


def test_each_pixel_of_a_reduced_picture_is_the_mean_of_a_block() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (8, 12), np.uint8)

    reduced = np.asarray(shrink(Image.fromarray(pixels), 6))

    assert np.abs(reduced - pixels.reshape(4, 2, 6, 2).mean((1, 3))).max() <= 0.5


@pytest.mark.parametrize(("alpha", "mode"), [(255, "RGB"), (254, "RGBA"), (0, "RGBA")])
def test_alpha_that_hides_nothing_is_dropped(alpha: int, mode: str) -> None:
    image = Image.new("RGBA", (3, 2), (10, 20, 30, 255))
    image.putpixel((1, 1), (10, 20, 30, alpha))

    assert drop_idle_alpha(image).mode == mode


@given(pixels=arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 30), st.just(4))), factor=st.integers(2, 5))
def test_a_drawing_on_nothing_is_reduced_like_any_picture_with_alpha(pixels: Pixels, factor: int) -> None:
    pixels[..., 3] *= pixels[..., 3] > 200  # mostly nothing
    image = Image.fromarray(pixels)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modes, "BLOCK", 100)  # a few rows
        reduced = shrink(image, -(-max(image.size) // factor))

    whole = image.reduce(-(-max(image.size) // -(-max(image.size) // factor)))
    assert np.array_equal(np.asarray(reduced), np.asarray(whole))


@pytest.mark.parametrize(("colour", "mode"), [((9, 9, 9), "L"), ((9, 9, 8), "RGB")], ids=["grey", "coloured"])
@pytest.mark.parametrize("source", ["RGB", "RGBA"])
def test_a_picture_is_grey_if_all_its_pixels_are(source: str, colour: tuple[int, int, int], mode: str) -> None:
    image = Image.new(source, (3, 2), (255, 255, 255))
    image.putpixel((1, 1), colour)

    assert drop_colour(image) == image.convert(mode)
