"""Models that meet the limits of a real GPU."""

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from inference_bridge.kinds import Probabilities, Tensor
from inference_bridge.spec import ModelSpec

#: Items of `Hungry` that the memory holds at once.
ITEM_COUNT = 20
CLASS_COUNT = 8


class Hungry:
    """Fills a share of the GPU's memory for each item of a batch."""

    spec: ClassVar[ModelSpec] = ModelSpec(
        "hungry", 1, Tensor("uint8", (1,)), Probabilities(CLASS_COUNT), example=bytes(1)
    )

    def __init__(self, device: torch.device) -> None:
        self._device = device
        free_bytes, _ = torch.cuda.mem_get_info(device)
        self._float_count = free_bytes // 4 // (ITEM_COUNT + 1)

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        """Return the model; it has no weights."""
        return cls(device)

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Answer (B, 1) classes with probability 1; more than about `ITEM_COUNT` are an OutOfMemoryError."""
        torch.empty((len(batch), self._float_count), device=self._device)  # (B, floats)
        return _one_hot(torch.from_numpy(batch).to(self._device))


class Asserting:
    """Looks classes up on the GPU: a class that is out of range is a device-side assert, after which every call fails.

    Attributes:
        first_class: added to each class.
    """

    spec: ClassVar[ModelSpec] = ModelSpec(
        "asserting", 1, Tensor("uint8", (1,)), Probabilities(CLASS_COUNT), example=bytes(1)
    )

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.first_class = 0

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        """Return the model; it has no weights."""
        return cls(device)

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Answer (B, 1) classes with probability 1."""
        return _one_hot(torch.from_numpy(batch).to(self._device) + self.first_class)


def _one_hot(classes: torch.Tensor) -> NDArray[np.float32]:
    table = torch.eye(CLASS_COUNT, device=classes.device)  # (classes, classes)
    rows = table[classes[:, 0].long()]  # (B, classes)
    answers: NDArray[np.float32] = rows.cpu().numpy()
    return answers
