"""A GPU answers what the CPU answers."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mnist_model.predict.classifier import DigitClassifier

SIZES = (1, 7, 64, 500)
#: Largest difference of a probability.
MOST_FP32, MOST_BF16 = 1e-4, 0.05


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.uint8]:
    """Pictures of blots, (500, 28, 28): between paper and ink, so that no probability is 0 or 1."""
    draw = np.random.default_rng(0)
    blots = draw.integers(0, 256, (max(SIZES), 7, 7), dtype=np.uint8)
    return blots.repeat(4, axis=1).repeat(4, axis=2)  # (500, 28, 28)


@pytest.fixture(scope="module")
def expected(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The answers of the CPU."""
    return DigitClassifier.load(None, torch.device("cpu")).predict_batch(pictures)


@pytest.mark.parametrize("size", SIZES)
def test_a_batch_of_any_size_gets_the_answers_of_the_cpu(
    gpu: torch.device, pictures: NDArray[np.uint8], expected: NDArray[np.float32], size: int
) -> None:
    answers = DigitClassifier.load(None, gpu).predict_batch(pictures[:size])

    assert np.abs(answers - expected[:size]).max() < MOST_FP32


def test_bfloat16_changes_a_probability_by_little(
    gpu: torch.device, pictures: NDArray[np.uint8], expected: NDArray[np.float32]
) -> None:
    with torch.autocast("cuda", dtype=torch.bfloat16):
        answers = DigitClassifier.load(None, gpu).predict_batch(pictures)

    assert np.abs(answers - expected).max() < MOST_BF16
