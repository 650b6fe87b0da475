"""Prints how many pictures of each kind of `tests.support.edges` are read right.

python -m tests.unit.models.mnist.edges_table [--data DIR] [--count N] [--first I] [KIND ...]
"""

import argparse
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from inference_bridge.errors import InvalidInput
from mnist_model.predict.classifier import DigitClassifier
from mnist_model.prepare import prepare
from mnist_training.data import Split, load_split
from tests.support.edges import KINDS, draw

MNIST_DATA = Path(os.environ.get("MNIST_DATA", "data"))


def classify(name: str, digits: Split, first: int = 0) -> npt.NDArray[np.float32]:
    """Return the probabilities of each digit drawn as the kind, (n, 10); all 0 for a refused one."""
    files = [draw(name, digit, first + place) for place, digit in enumerate(digits.images.numpy())]
    inputs = [try_prepare(file) for file in files]
    is_read = [ready is not None for ready in inputs]
    answers = np.zeros((len(digits), 10), np.float32)
    batch = np.stack([ready for ready in inputs if ready is not None])  # (b, 28, 28)
    answers[is_read] = DigitClassifier.load(None, torch.device("cpu")).predict_batch(batch)
    return answers


def try_prepare(file: bytes) -> npt.NDArray[np.uint8] | None:
    """Return the model's input, (28, 28) uint8; None for a refused picture."""
    try:
        ready = bytearray(prepare(file, max_pixels=1_000_000))
    except InvalidInput:
        return None
    return np.frombuffer(ready, np.uint8).reshape(28, 28)


def measure(name: str, digits: Split, first: int = 0) -> tuple[float, int, int]:
    """Return the share read right, the number refused, and the number of wrong ones with more than 0.999."""
    answers = classify(name, digits, first)
    is_right = (answers.argmax(1) == digits.labels.numpy()) & answers.any(1)
    return float(is_right.mean()), int((~answers.any(1)).sum()), int((answers.max(1)[~is_right] > 0.999).sum())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measures pictures with something along an edge.")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; default all")
    parser.add_argument("--data", type=Path, default=MNIST_DATA, help="folder with MNIST's files")
    parser.add_argument("--count", type=int, default=100, help="pictures per kind, default 100")
    parser.add_argument("--first", type=int, default=0, help="the first of MNIST's test pictures, default 0")
    options = parser.parse_args()
    digits = load_split(options.data, "t10k").cut(options.first, options.first + options.count)
    print(f"| kind ({options.count} pictures each) | read right | refused | wrong with more than 0.999 |")
    print("| --- | ---: | ---: | ---: |")
    for name in options.kinds or KINDS:
        share, refused, sure = measure(name, digits, options.first)
        print(f"| {str(KINDS[name].__doc__).strip()} | {share:.1%} | {refused} | {sure} |", flush=True)


if __name__ == "__main__":
    main()
