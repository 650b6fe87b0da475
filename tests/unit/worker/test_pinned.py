"""A batch is the bodies one after the other, in whichever memory."""

import numpy as np
import pytest
import torch

from inference_worker.pinned import concatenate, write_into

BODIES = [b"\0\1\2", b"\3\4\5", b"\6\7\xff"]


def test_bodies_are_written_one_after_the_other_into_a_given_memory() -> None:
    memory = torch.zeros(9, dtype=torch.uint8)

    whole = write_into(memory, BODIES)

    assert whole.tobytes() == b"".join(BODIES)
    assert np.shares_memory(whole, memory.numpy())
    assert whole.flags.writeable


def test_bodies_of_another_length_than_the_memory_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        write_into(torch.zeros(8, dtype=torch.uint8), BODIES)


def test_without_a_gpu_bodies_stay_in_ordinary_memory() -> None:
    assert bytes(concatenate(BODIES)) == b"".join(BODIES)
    assert not torch.cuda.is_initialized()
