import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mnist_model.prepare.morphology import Grey
from mnist_model.prepare.placement import SIDE, find_centre_of_mass, has_digit_size
from mnist_model.prepare.steps import try_shortcut


def strengths(ink: Grey) -> npt.NDArray[np.float64]:
    return ink.astype(np.float64)


@given(ink=arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_the_centre_of_mass_is_the_mean_place_of_the_ink(ink: Grey) -> None:
    rows, columns = np.indices(ink.shape)
    total = max(strengths(ink).sum(), 1)

    assert find_centre_of_mass(ink) == ((rows * strengths(ink)).sum() / total, (columns * strengths(ink)).sum() / total)


def test_a_digit_that_is_out_of_place_is_moved_and_keeps_its_strengths() -> None:
    digit = np.zeros((SIDE, SIDE), np.uint8)
    digit[0:20, 2:8] = 200

    moved = try_shortcut(digit)

    assert moved is not None
    assert np.array_equal(moved[4:24, 11:17], digit[0:20, 2:8])
    assert moved.sum() == digit.sum()


def test_a_picture_without_ink_has_no_digit() -> None:
    assert not has_digit_size(np.zeros((SIDE, SIDE), np.uint8))
