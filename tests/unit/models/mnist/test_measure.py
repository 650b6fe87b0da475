"""Measures of ink and paper."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnist_model.prepare.even import lift_ink
from mnist_model.prepare.measure import COARSE_SIDE, find_median, has_even_paper, shrink, strongest

SIDE = 96


def drawing(width: int = 6) -> np.ndarray:
    """Light ink on black: a seven in strokes of `width` pixels."""
    picture = Image.new("L", (SIDE, SIDE), 20)
    ImageDraw.Draw(picture).line((30, 20, 65, 20, 45, 75), fill=230, width=width)
    return np.asarray(picture)


def slope(depth: int) -> np.ndarray:
    """What light from one side adds, 0 to `depth`."""
    return np.linspace(0, depth, SIDE).astype(np.uint8)


@pytest.mark.parametrize("width", [1, 6, 14])
def test_paper_of_a_drawing_is_even(width: int) -> None:
    assert has_even_paper(drawing(width))


def test_paper_is_even_on_one_side_of_the_ink_only() -> None:
    assert not has_even_paper(~drawing())


@pytest.mark.parametrize("shade", [slope(40), np.repeat([0, 40], SIDE // 2)], ids=["slope", "shadow"])
def test_shaded_paper_is_not_even(shade: np.ndarray) -> None:
    assert not has_even_paper((drawing() + shade).astype(np.uint8))


@pytest.mark.parametrize("picture", [drawing(), ~drawing()], ids=["light ink", "dark ink"])
def test_ink_is_lifted_off_even_paper_in_one_step(picture: np.ndarray) -> None:
    lifted = lift_ink(picture)

    assert lifted is not None
    assert np.array_equal(lifted, np.where(drawing() > 20, 255, 0))


def test_no_ink_is_lifted_off_shaded_paper() -> None:
    assert lift_ink((drawing() + slope(40)).astype(np.uint8)) is None


def test_strongest_is_the_mean_of_the_top_pixels() -> None:
    grey = np.random.default_rng(1).integers(0, 256, (100, 150), dtype=np.uint8)

    assert strongest(grey) == np.sort(grey, axis=None)[-15:].mean()


def test_strongest_of_few_pixels_is_their_mean() -> None:
    assert strongest(np.array([[10, 20]], np.uint8)) == 15


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_median_of_an_odd_number_is_numpys(axis: int | None) -> None:
    values = np.random.default_rng(2).integers(-99, 99, (21, 33))

    assert np.array_equal(find_median(values, axis), np.median(values, axis))


@pytest.mark.parametrize("side", [40, 130, 240, 320, 479])
def test_shrunk_picture_has_about_the_side(side: int) -> None:
    shrunk = shrink(np.full((side, side // 2), 9, np.uint8), COARSE_SIDE)

    assert 2 / 3 * min(side, COARSE_SIDE) <= len(shrunk) <= 1.5 * COARSE_SIDE
    assert (shrunk == 9).all()
