import copy

import numpy as np
import pytest
import torch

from mnist_model.predict.network import ConvNet
from mnist_model.predict.weights import DEFAULT_WEIGHTS, load_weights
from mnist_training.doubt import fit_doubt
from mnist_training.evaluate import compute_logits, compute_probabilities
from tests.support.pictures import SAMPLES, sample

DIGITS = torch.stack([torch.tensor(np.asarray(sample(path.stem))) for path in SAMPLES])
NOISE = torch.randint(0, 256, (200, 28, 28), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


@pytest.fixture
def network() -> ConvNet:
    """Return a network that reads digits and has the least doubt of every picture."""
    network = ConvNet()
    network.load_state_dict(load_weights(DEFAULT_WEIGHTS)[0])
    with torch.no_grad():
        network.none.bias.fill_(-1e4)
    return network


def test_pictures_without_a_digit_are_doubted_and_digits_are_not(network: ConvNet) -> None:
    before, _ = compute_probabilities(network, NOISE)

    fit_doubt(network, DIGITS, compute_logits(network, DIGITS).argmax(dim=1), NOISE)

    digits, noise = (compute_probabilities(network, pictures)[0].amax(dim=1) for pictures in (DIGITS, NOISE))
    assert float(digits.min()) > 0.9
    assert float(noise.mean()) < 0.2 < float(before.amax(dim=1).mean())


def test_to_learn_doubt_changes_no_answer(network: ConvNet) -> None:
    before = copy.deepcopy(network)

    fit_doubt(network, DIGITS, compute_logits(network, DIGITS).argmax(dim=1), NOISE)

    assert torch.equal(compute_logits(network, NOISE), compute_logits(before, NOISE))
