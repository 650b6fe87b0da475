from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mnist_training.warp import Affine, warp


@pytest.fixture
def dot() -> Tensor:
    """Return a picture (1, 1, 28, 28) with one lit pixel, in row 6 and column 18."""
    picture = torch.zeros(1, 1, 28, 28)
    picture[0, 0, 6, 18] = 1
    return picture


def brightest(picture: Tensor) -> tuple[int, int]:
    """Return row and column of the pixel with the most ink."""
    row, column = divmod(int(picture.argmax()), picture.shape[-1])
    return row, column


def test_the_identity_changes_nothing(dot: Tensor) -> None:
    torch.testing.assert_close(warp(dot, Affine.identity(1)), dot, rtol=0, atol=1e-5)


def test_a_shift_goes_right_and_down(dot: Tensor) -> None:
    shift = replace(Affine.identity(1), shift_px=torch.tensor([[3.0, 2.0]]))

    assert brightest(warp(dot, shift)) == (8, 21)


def test_an_angle_turns_clockwise(dot: Tensor) -> None:
    # Seen from the centre (13.5, 13.5), the dot is 7.5 px up and 4.5 px right; a quarter turn brings "up" to the right.
    turn = replace(Affine.identity(1), angle_deg=torch.tensor([90.0]))

    assert brightest(warp(dot, turn)) == (18, 21)


def test_a_scale_above_one_moves_outwards(dot: Tensor) -> None:
    larger = replace(Affine.identity(1), scale=torch.tensor([[1.0, 1.6]]))

    assert brightest(warp(dot, larger))[0] < 6


def test_a_slant_moves_what_is_above_the_middle_to_the_right(dot: Tensor) -> None:
    slant = replace(Affine.identity(1), slant=torch.tensor([0.4]))

    assert brightest(warp(dot, slant)) == (6, 21)


def test_each_picture_moves_by_its_own_amount(dot: Tensor) -> None:
    shift = replace(Affine.identity(2), shift_px=torch.tensor([[1.0, 0.0], [0.0, 1.0]]))

    moved = warp(dot.repeat(2, 1, 1, 1), shift)

    assert [brightest(picture) for picture in moved] == [(6, 19), (7, 18)]


def test_a_zoom_doubles_the_side(dot: Tensor) -> None:
    assert warp(dot, Affine.identity(1), zoom=2).shape == (1, 1, 56, 56)
