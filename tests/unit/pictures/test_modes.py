"""Pictures deeper than 8 bits, which are stretched a block at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from inference_pictures import modes
from inference_pictures.modes import Pixels, stretch

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
