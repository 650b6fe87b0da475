import numpy as np
import pytest
import torch
from torch import Tensor

from mnist_model.predict.classifier import DigitClassifier
from mnist_model.predict.folded import fold
from mnist_model.predict.network import ConvNet, normalize
from mnist_model.predict.weights import DEFAULT_WEIGHTS, load_weights

RANDOM = torch.Generator().manual_seed(0)
PICTURES = [
    pytest.param(torch.randint(0, 256, (64, 28, 28), dtype=torch.uint8, generator=RANDOM), id="noise"),
    pytest.param(torch.tril(torch.full((28, 28), 255, dtype=torch.uint8)).unsqueeze(0), id="one half white"),
    pytest.param(torch.zeros(1, 28, 28, dtype=torch.uint8), id="black"),
    pytest.param(torch.full((1, 28, 28), 255, dtype=torch.uint8), id="white"),
]


@pytest.fixture(scope="module")
def network() -> ConvNet:
    network = ConvNet()
    network.load_state_dict(load_weights(DEFAULT_WEIGHTS)[0])
    return network.eval()


@pytest.mark.parametrize("pictures", PICTURES)
@torch.inference_mode()
def test_a_folded_network_gives_the_same_answers(network: ConvNet, pictures: Tensor) -> None:
    answers = fold(network).classify(pictures.float().unsqueeze(1))

    torch.testing.assert_close(answers, network.classify(normalize(pictures)), rtol=0, atol=1e-6)


@pytest.mark.parametrize("pictures", PICTURES)
@torch.inference_mode()
def test_the_classifier_gives_the_answers_of_the_network(network: ConvNet, pictures: Tensor) -> None:
    answers = DigitClassifier.load(None, torch.device("cpu")).predict_batch(pictures.numpy())

    np.testing.assert_allclose(answers, network.classify(normalize(pictures)).numpy(), rtol=0, atol=1e-6)


def test_folding_leaves_the_network_as_it_is(network: ConvNet) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    fold(network)

    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@torch.inference_mode()
def test_nothing_is_copied_between_the_convolutions_and_the_dense_layer(network: ConvNet) -> None:
    pooled: list[Tensor] = []
    folded = fold(network).to(memory_format=torch.channels_last)
    folded.conv2.register_forward_hook(lambda _module, _inputs, output: pooled.append(output))

    folded.classify(torch.zeros(4, 1, 28, 28))

    assert pooled[0].permute(0, 2, 3, 1).is_contiguous()
