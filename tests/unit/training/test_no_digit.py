"""Pictures without a digit, as the network sees them, and the answers of the committed weights to them."""

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from mnist_model.predict.network import ConvNet
from mnist_model.predict.weights import DEFAULT_WEIGHTS, load_weights
from mnist_training.data import Split
from mnist_training.evaluate import compute_probabilities
from mnist_training.no_digit import KINDS, draw
from mnist_training.prepared import draw_digits, draw_others
from tests.support.pictures import SAMPLES, sample


@pytest.fixture(scope="module")
def network() -> ConvNet:
    network = ConvNet()
    network.load_state_dict(load_weights(DEFAULT_WEIGHTS)[0])
    return network


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_a_picture_that_its_seed_decides(name: str) -> None:
    assert Image.open(BytesIO(draw(name, 1))).width >= 120
    assert draw(name, 1) == draw(name, 1) != draw(name, 3)


def test_blank_pictures_are_refused() -> None:
    assert len(draw_others("paper", 10, 0)) < 10


def test_the_committed_weights_doubt_pictures_without_a_digit(network: ConvNet) -> None:
    pictures = torch.cat([draw_others(name, 10, 50) for name in KINDS])

    probabilities, without_doubt = compute_probabilities(network, pictures)

    assert float((probabilities.amax(dim=1) > 0.9).float().mean()) <= 0.1
    assert float((without_doubt.amax(dim=1) > 0.9).float().mean()) >= 0.2


def test_the_committed_weights_do_not_doubt_a_digit_on_paper(network: ConvNet) -> None:
    pictures = torch.stack([torch.tensor(np.asarray(sample(path.stem))) for path in SAMPLES])
    drawn = draw_digits(Split(pictures, torch.zeros(len(pictures), dtype=torch.int64)), 0)

    probabilities, _ = compute_probabilities(network, drawn.images)

    assert float(probabilities.amax(dim=1).min()) > 0.9
