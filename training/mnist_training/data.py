"""Reads MNIST's four IDX files and checks them. Out: tensors.

`python -m mnist_training.data --data DIR` fetches the files if the directory has none.
"""

import argparse
import gzip
import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torchvision import datasets

IMAGES_MAGIC = 0x00000803
LABELS_MAGIC = 0x00000801

MD5_OF_FILE = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""MD5 sums of the official files after decompression. They guard against mix-ups, not against attackers."""


class DataError(Exception):
    """Raised when a data file is missing, is broken, or differs from the official file."""


@dataclass(frozen=True, slots=True)
class Split:
    """Labelled pictures.

    Attributes:
        images: (N, 28, 28) uint8, 0 = background, 255 = ink.
        labels: (N,) int64, 0 to 9.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.labels)

    def cut(self, start: int, stop: int | None) -> "Split":
        """Return the pictures from `start` up to, not including, `stop`; None means the end."""
        return Split(self.images[start:stop], self.labels[start:stop])


def download(directory: Path) -> None:
    """Fetch MNIST with torchvision, which puts the files into `directory/MNIST/raw`."""
    datasets.MNIST(str(directory), download=True)


def prepare(directory: Path, fetch: Callable[[Path], None] = download) -> None:
    """Fill the directory by `fetch` if it has none of the four files."""
    if all(_locate(directory, name) is None for name in MD5_OF_FILE):
        fetch(directory)


def load_split(directory: Path, prefix: str, *, md5_of_file: dict[str, str] = MD5_OF_FILE) -> Split:
    """Read one half of MNIST.

    Args:
        directory: the IDX files are in it or in its `MNIST/raw`, gzip-compressed or not.
        prefix: `train` for the 60,000 training pictures, `t10k` for the 10,000 test pictures.
        md5_of_file: sums of the decompressed files.

    Raises:
        DataError: a file is missing, is broken, or has another checksum.
    """
    images = _read(directory, f"{prefix}-images-idx3-ubyte", md5_of_file)
    labels = _read(directory, f"{prefix}-labels-idx1-ubyte", md5_of_file)
    return Split(parse_images(images), parse_labels(labels))


def parse_images(content: bytes) -> Tensor:
    """Return (N, 28, 28) uint8 from an IDX file: four big-endian words (magic, N, rows, columns), then the pixels."""
    magic, count, rows, columns = _read_words(content, 4)
    if (magic, rows, columns) != (IMAGES_MAGIC, 28, 28) or len(content) != 16 + count * 784:
        raise DataError(f"IDX header {magic:#x}, {count}, {rows}, {columns} is not that of 28x28 pictures")
    return torch.frombuffer(bytearray(content[16:]), dtype=torch.uint8).view(count, 28, 28)  # (N, 28, 28)


def parse_labels(content: bytes) -> Tensor:
    """Return (N,) int64 from an IDX file: two big-endian words (magic, N), then one byte a label."""
    magic, count = _read_words(content, 2)
    if magic != LABELS_MAGIC or len(content) != 8 + count:
        raise DataError(f"IDX header {magic:#x}, {count} is not that of labels")
    return torch.frombuffer(bytearray(content[8:]), dtype=torch.uint8).long()  # (N,)


def _read_words(content: bytes, count: int) -> list[int]:
    if len(content) < 4 * count:
        raise DataError(f"IDX file has {len(content)} bytes, expected a header of {4 * count}")
    return [int.from_bytes(content[start : start + 4], "big") for start in range(0, 4 * count, 4)]


def _locate(directory: Path, name: str) -> Path | None:
    candidates = [folder / file for folder in (directory, directory / "MNIST" / "raw") for file in (f"{name}.gz", name)]
    return next((path for path in candidates if path.is_file()), None)


def _read(directory: Path, name: str, md5_of_file: dict[str, str]) -> bytes:
    path = _locate(directory, name)
    if path is None:
        raise DataError(
            f"{directory} has no {name}.gz; fetch MNIST with `python -m mnist_training.data --data {directory}`"
        )
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be decompressed ({error}); delete it and fetch MNIST again") from error
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if md5 != md5_of_file[name]:
        raise DataError(f"{path} has the MD5 {md5}, expected {md5_of_file[name]}; delete it and fetch MNIST again")
    return content


def main() -> None:
    """Fetch MNIST where it is missing, then check it."""
    parser = argparse.ArgumentParser(prog="python -m mnist_training.data", description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory with the four IDX files, or for them")
    directory: Path = parser.parse_args().data
    prepare(directory)
    for prefix in ("train", "t10k"):
        print(f"{prefix}: {len(load_split(directory, prefix)):,} pictures, checksums right")


if __name__ == "__main__":
    main()
