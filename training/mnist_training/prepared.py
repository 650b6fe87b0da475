"""Draws pictures, prepares them as the API does, and returns them as the network sees them."""

import numpy as np
import torch
from torch import Tensor

from inference_bridge.errors import InvalidInput
from mnist_model.prepare import prepare
from mnist_training.data import Split
from mnist_training.no_digit import draw, draw_digit

MAX_PIXELS = 1_000_000


def draw_digits(split: Split, seed: int) -> Split:
    """Return the digits drawn on paper and prepared; refused ones are left out."""
    inputs = [read(draw_digit(image.numpy(), seed + place)) for place, image in enumerate(split.images)]
    is_read = torch.tensor([len(picture) == 1 for picture in inputs])  # (N,)
    return Split(torch.cat(inputs), split.labels[is_read])


def draw_others(name: str, count: int, seed: int) -> Tensor:
    """Return prepared pictures of a kind without a digit, (count - refused ones, 28, 28) uint8."""
    return torch.cat([read(draw(name, seed + place)) for place in range(count)])


def read(file: bytes) -> Tensor:
    """Return the network's input from a file, (1, 28, 28) uint8; (0, 28, 28) if the picture is refused."""
    try:
        ready = bytearray(prepare(file, max_pixels=MAX_PIXELS))
    except InvalidInput:
        return torch.empty(0, 28, 28, dtype=torch.uint8)
    return torch.from_numpy(np.frombuffer(ready, np.uint8)).view(1, 28, 28)
