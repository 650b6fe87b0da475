"""Calibrates the probabilities: of the answers with 90 % confidence, about 90 % should be right."""

import torch
from torch import Tensor
from torch.nn import functional

from mnist_model.predict.network import ConvNet

BIN_COUNT = 15  # as in the paper below


def compute_calibration_error(probabilities: Tensor, labels: Tensor) -> float:
    """Return the mean distance between confidence and accuracy, 0 to 1, over bins of equal width.

    See Guo et al., On Calibration of Modern Neural Networks, 2017, section 2.

    Args:
        probabilities: (N, 10) float32.
        labels: (N,) int64.
    """
    confidence, predicted = probabilities.max(dim=1)  # (N,)
    bins = (confidence * BIN_COUNT).ceil().long().clamp(1, BIN_COUNT) - 1
    surplus = confidence - (predicted == labels).float()
    sums = torch.zeros(BIN_COUNT).index_add(0, bins, surplus)  # (BIN_COUNT,)
    return float(sums.abs().sum() / len(labels))


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """Return the divisor of logits (N, 10) with the least cross-entropy (Guo et al., section 4.2)."""
    candidates = torch.logspace(-0.7, 0.7, 281)  # 0.2 to 5, in steps of 1.2 %
    losses = torch.stack([functional.cross_entropy(logits / temperature, labels) for temperature in candidates])
    return float(candidates[losses.argmin()])


@torch.no_grad()
def apply_temperature(network: ConvNet, temperature: float) -> None:
    """Divide the parameters of the last layer by the temperature. It is linear, so this divides the logits."""
    network.dense2.weight.div_(temperature)
    network.dense2.bias.div_(temperature)
