"""Synthetic MNIST: ten kinds of bars, in the files and the format of the real one."""

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mnist_training.data import Split

WriteIdx = Callable[[str, Split], dict[str, str]]


@pytest.fixture
def bars() -> Split:
    """Return 400 pictures; the row of the bar tells the class."""
    random = torch.Generator().manual_seed(5)
    labels = torch.arange(10).repeat(40)  # (400,)
    images = torch.randint(0, 30, (400, 28, 28), generator=random, dtype=torch.uint8)
    for image, label in zip(images, labels.tolist(), strict=True):
        image[4 + 2 * label : 6 + 2 * label, 5:23] = 250
    return Split(images, labels)


@pytest.fixture
def write_idx(tmp_path: Path) -> WriteIdx:
    """Return what writes a split as gzip-compressed IDX files into `tmp_path` and tells their checksums."""

    def write(prefix: str, split: Split) -> dict[str, str]:
        count = len(split).to_bytes(4)
        contents = {
            f"{prefix}-images-idx3-ubyte": bytes.fromhex("00000803") + count + (28).to_bytes(4) * 2
            + split.images.numpy().tobytes(),
            f"{prefix}-labels-idx1-ubyte": bytes.fromhex("00000801") + count + split.labels.byte().numpy().tobytes(),
        }  # fmt: skip
        for name, content in contents.items():
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
        return {name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in contents.items()}

    return write
