"""Batches in memory from which a GPU copies by itself.

The CPU waits for a copy from ordinary memory. It does not wait for one from pinned memory, if the model copies with
`non_blocking=True`.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray


def concatenate(bodies: Sequence[bytes]) -> bytearray | NDArray[np.uint8]:
    """Return the bodies one after the other, writable; in pinned memory once the model has used a GPU."""
    if not torch.cuda.is_initialized():
        return bytearray().join(bodies)
    # PyTorch keeps freed pinned memory, and gives it out again once the copies from it are done.
    return write_into(torch.empty(sum(map(len, bodies)), dtype=torch.uint8, pin_memory=True), bodies)


def write_into(memory: torch.Tensor, bodies: Sequence[bytes]) -> NDArray[np.uint8]:
    """Write the bodies one after the other into a tensor of their bytes; return it as an array, without a copy."""
    whole: NDArray[np.uint8] = memory.numpy()
    return np.concatenate([np.frombuffer(body, np.uint8) for body in bodies], out=whole)
