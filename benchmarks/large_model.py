"""A model of large inputs whose forward pass is short, so that the system is measured and not the model."""

import random
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor as Array
from torch import nn

from inference_bridge.kinds import Probabilities, Tensor
from inference_bridge.spec import ModelSpec

SIDE, CHANNELS, PATCH, CLASSES = 224, 3, 32, 10
SHAPE = (SIDE, SIDE, CHANNELS)
#: Patches along one side.
PATCHES = SIDE // PATCH
SPEC = ModelSpec("large", 1, takes=Tensor("uint8", SHAPE), answers=Probabilities(CLASSES))


def make_inputs(count: int) -> list[bytes]:
    """Return inputs of random bytes, always the same."""
    numbers = random.Random(0)
    return [numbers.randbytes(SPEC.takes.max_body_bytes) for _ in range(count)]


class Network(nn.Module):
    """One linear layer over the mean colour of each patch; its weights are random and always the same."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.classes = nn.Linear(PATCHES * PATCHES * CHANNELS, CLASSES)

    def forward(self, pixels: Array) -> Array:
        """Return (B, CLASSES) probabilities of (B, SIDE, SIDE, CHANNELS) uint8."""
        patches = pixels.reshape(-1, PATCHES, PATCH, PATCHES, PATCH, CHANNELS)  # (B, 7, 32, 7, 32, 3)
        colours = patches.float().mean((2, 4)) / 255  # (B, 7, 7, 3)
        probabilities: Array = self.classes(colours.flatten(1)).softmax(1)  # (B, 10)
        return probabilities


class Large:
    """The model, as this system and its peers load it."""

    spec: ClassVar[ModelSpec] = SPEC

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._network = Network().to(device).eval()

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        """Return the model on a device; it has no weights file."""
        return cls(device)

    @torch.inference_mode()
    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (B, CLASSES) probabilities of (B, SIDE, SIDE, CHANNELS)."""
        pixels = torch.from_numpy(batch).to(self._device, non_blocking=True)  # (B, SIDE, SIDE, CHANNELS)
        answers: NDArray[np.float32] = self._network(pixels).cpu().numpy()  # (B, 10)
        return answers
