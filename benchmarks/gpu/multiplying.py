"""Models that keep the GPU busy for a known time."""

import time
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.large_model import SPEC as LARGE
from inference_bridge.spec import ModelSpec
from mnist_model.spec import ANSWER, SPEC

BATCH_S = 0.005
MATRIX_SIDE, TRIAL_PRODUCTS = 2_048, 50


class Multiplying:
    """Copies pictures to the GPU, then keeps it busy for `BATCH_S` a batch of any size; answers that each is a 0.

    Attributes:
        busy_s: seconds of the products; the copies do not count.
    """

    spec: ClassVar[ModelSpec] = SPEC

    def __init__(self, device: torch.device) -> None:
        self.busy_s = 0.0
        self._device = device
        self._matrix = torch.zeros((MATRIX_SIDE, MATRIX_SIDE), device=device)  # (side, side)
        self._count = _products_for(BATCH_S, self._matrix)

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        """Return the model; it has no weights."""
        return cls(device)

    def predict_batch(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Multiply matrices; return (B, 10) probabilities."""
        torch.from_numpy(batch).to(self._device, non_blocking=True)
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        _multiply(self._matrix, self._count)
        end.record()
        end.synchronize()
        self.busy_s += begin.elapsed_time(end) / 1000
        answers = np.zeros((len(batch), ANSWER.count), dtype=np.float32)
        answers[:, 0] = 1
        return answers


class MultiplyingLarge(Multiplying):
    """The same for inputs of 150 KB."""

    spec: ClassVar[ModelSpec] = LARGE


def _products_for(wanted_s: float, matrix: torch.Tensor) -> int:
    """Return how many products of the matrix with itself take so long."""
    _multiply(matrix, TRIAL_PRODUCTS)
    torch.cuda.synchronize()
    begin = time.perf_counter()
    _multiply(matrix, TRIAL_PRODUCTS)
    torch.cuda.synchronize()
    return max(1, round(TRIAL_PRODUCTS * wanted_s / (time.perf_counter() - begin)))


def _multiply(matrix: torch.Tensor, count: int) -> None:
    product = torch.empty_like(matrix)  # (side, side)
    for _ in range(count):
        torch.matmul(matrix, matrix, out=product)  # (side, side)
