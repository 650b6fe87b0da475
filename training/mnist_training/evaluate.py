"""Measures a trained network on pictures that it has not seen."""

from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from mnist_model.predict.network import ConvNet, normalize
from mnist_training.calibration import compute_calibration_error
from mnist_training.corruptions import CORRUPTIONS, corrupt
from mnist_training.data import Split

BATCH_SIZE = 500
CORRUPTION_SEED = 1


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of one network on one set of pictures.

    Attributes:
        accuracy: share of right answers, 0 to 1, under each corruption; `clean` is unchanged MNIST.
        calibration_error: expected calibration error, 0 to 1, under each corruption.
        probabilities: (N, 10) float32, of the clean pictures.
        labels: (N,) int64.
    """

    accuracy: dict[str, float]
    calibration_error: dict[str, float]
    probabilities: Tensor
    labels: Tensor

    @property
    def confusion(self) -> Tensor:
        """Number of pictures by label (row) and prediction (column): (10, 10) int64."""
        pairs = self.labels * 10 + self.probabilities.argmax(dim=1)
        return torch.bincount(pairs, minlength=100).view(10, 10)  # (10, 10)

    def find_worst_mistakes(self, count: int) -> list[int]:
        """Return the indices of up to `count` wrong answers, the most confident first."""
        confidence, predicted = self.probabilities.max(dim=1)
        ranked = confidence.masked_fill(predicted == self.labels, -1).argsort(descending=True)
        wrong = int((predicted != self.labels).sum())
        return [int(index) for index in ranked[: min(count, wrong)]]


@torch.inference_mode()
def compute_logits(network: ConvNet, images: Tensor) -> Tensor:
    """Return the logits (N, 10) of raw pictures (N, 28, 28) uint8, in float32 and without dropout, as served."""
    network.eval()
    batches = (normalize(batch) for batch in torch.split(images, BATCH_SIZE))  # (B, 1, 28, 28)
    logits = [network(batch.contiguous(memory_format=torch.channels_last)) for batch in batches]
    return torch.cat(logits)  # (N, 10)


def evaluate(network: ConvNet, split: Split, *, names: tuple[str, ...] = tuple(CORRUPTIONS)) -> Evaluation:
    """Measure the network on pictures, clean and under each of the named corruptions."""
    accuracy: dict[str, float] = {}
    error: dict[str, float] = {}
    clean = compute_logits(network, split.images).softmax(dim=1)  # (N, 10)
    for name in tqdm(names, desc="evaluate", unit="corruption", leave=False):
        corrupted = corrupt(split.images, name, seed=CORRUPTION_SEED)
        probabilities = compute_logits(network, corrupted).softmax(dim=1)  # (N, 10)
        accuracy[name] = float((probabilities.argmax(dim=1) == split.labels).float().mean())
        error[name] = compute_calibration_error(probabilities, split.labels)
    return Evaluation(accuracy, error, clean, split.labels)
