"""Pieces of a mask, and windows over a picture."""

import numpy as np
import pytest

from mnist_model.prepare.morphology import apply_opening, dilate, draw_pieces, find_runs


def test_pieces_touch_at_sides_and_corners() -> None:
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 1], [1, 1, 0, 0]], bool)

    labels = draw_pieces(find_runs(mask))

    assert len(np.unique(labels[mask])) == 3
    assert labels[0, 0] == labels[1, 1]


def test_long_winding_stroke_is_one_piece() -> None:
    mask = np.zeros((41, 41), bool)
    mask[::2] = True
    mask[1::4, -1] = mask[3::4, 0] = True

    assert np.array_equal(np.unique(draw_pieces(find_runs(mask))), [0, 1])


@pytest.mark.parametrize("size", [1, 3, 5, 9, 31, 99])
def test_maximum_over_a_window_is_cut_off_at_the_border(size: int) -> None:
    grey = np.random.default_rng(size).integers(0, 255, (17, 23), dtype=np.uint8)
    reach = size // 2

    expected = [
        [grey[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1].max() for x in range(23)]
        for y in range(17)
    ]

    assert np.array_equal(dilate(grey, size, size), expected)


def test_opening_takes_away_only_what_is_smaller_than_the_window() -> None:
    grey = np.zeros((20, 20), np.uint8)
    grey[2:4, 2:10], grey[8:15, 8:15] = 200, 100

    assert apply_opening(grey, 5, 5)[3, 5] == 0
    assert apply_opening(grey, 5, 5)[10, 10] == 100
