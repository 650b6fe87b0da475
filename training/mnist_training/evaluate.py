"""Measures a trained network on pictures that it has not seen."""

from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from mnist_model.predict.network import ConvNet, normalize, spread
from mnist_training.calibration import compute_calibration_error
from mnist_training.corruptions import CORRUPTIONS, corrupt
from mnist_training.data import Split
from mnist_training.no_digit import KINDS
from mnist_training.prepared import draw_others

BATCH_SIZE = 500
CORRUPTION_SEED = 1
OTHERS_SEED = 0
SURE = 0.99


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of one network on one set of pictures.

    Attributes:
        accuracy: share of right answers, 0 to 1, under each corruption; `clean` is unchanged MNIST.
        calibration_error: expected calibration error, 0 to 1, under each corruption.
        error_without_doubt: the same, if the network had no doubt.
        sure_mistakes: number of wrong answers with a probability over `SURE`, under each corruption.
        probabilities: (N, 10) float32, of the clean pictures.
        labels: (N,) int64.
    """

    accuracy: dict[str, float]
    calibration_error: dict[str, float]
    error_without_doubt: dict[str, float]
    sure_mistakes: dict[str, int]
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


@dataclass(frozen=True, slots=True)
class Others:
    """Answers to pictures of one kind that hold no digit.

    Attributes:
        refused: number of pictures that the preparation refused, such as blank ones.
        largest: (N,) float32, the largest probability of each answer.
        without_doubt: (N,) float32, the same, if the network had no doubt.
    """

    refused: int
    largest: Tensor
    without_doubt: Tensor


@torch.no_grad()
def compute_features(network: ConvNet, images: Tensor) -> Tensor:
    """Return the features (N, 128) of raw pictures (N, 28, 28) uint8, in float32 and without dropout, as served."""
    network.eval()
    batches = (normalize(batch) for batch in torch.split(images, BATCH_SIZE))  # (B, 1, 28, 28)
    return torch.cat([network.find_features(batch.contiguous(memory_format=torch.channels_last)) for batch in batches])


@torch.no_grad()
def compute_logits(network: ConvNet, images: Tensor) -> Tensor:
    """Return the logits (N, 10) of raw pictures (N, 28, 28) uint8."""
    logits: Tensor = network.dense2(compute_features(network, images))
    return logits


@torch.no_grad()
def compute_probabilities(network: ConvNet, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the probabilities (N, 10) of raw pictures (N, 28, 28) uint8, as served and without doubt."""
    features = compute_features(network, images)  # (N, 128)
    logits = network.dense2(features)
    return spread(logits, network.none(features)), logits.softmax(dim=1)


def evaluate(network: ConvNet, split: Split, *, names: tuple[str, ...] = tuple(CORRUPTIONS)) -> Evaluation:
    """Measure the network on pictures, clean and under each of the named corruptions."""
    clean, _ = compute_probabilities(network, split.images)  # (N, 10)
    evaluation = Evaluation({}, {}, {}, {}, clean, split.labels)
    for name in tqdm(names, desc="evaluate", unit="corruption", leave=False):
        corrupted = corrupt(split.images, name, seed=CORRUPTION_SEED)
        probabilities, without_doubt = compute_probabilities(network, corrupted)
        is_right = probabilities.argmax(dim=1) == split.labels  # (N,)
        evaluation.accuracy[name] = float(is_right.float().mean())
        evaluation.calibration_error[name] = compute_calibration_error(probabilities, split.labels)
        evaluation.error_without_doubt[name] = compute_calibration_error(without_doubt, split.labels)
        evaluation.sure_mistakes[name] = int((probabilities.amax(dim=1) > SURE)[~is_right].sum())
    return evaluation


def evaluate_others(network: ConvNet, *, count: int) -> dict[str, Others]:
    """Show the network `count` pictures of each kind without a digit; return its answers by the kind's name."""
    answers = {}
    for name in tqdm(KINDS, desc="evaluate", unit="kind", leave=False):
        pictures = draw_others(name, count, OTHERS_SEED)  # (N, 28, 28)
        probabilities = compute_probabilities(network, pictures)
        answers[name] = Others(count - len(pictures), *(answer.amax(dim=1) for answer in probabilities))
    return answers
