import pytest
import torch

from mnist_model.predict.network import MIN_DOUBT, ConvNet, normalize, spread


def test_logits_have_one_row_per_picture_and_one_column_per_digit() -> None:
    logits = ConvNet()(torch.zeros(3, 1, 28, 28))

    assert logits.shape == (3, 10)
    assert logits.dtype == torch.float32


def test_the_network_has_about_1_2_million_parameters() -> None:
    assert sum(parameter.numel() for parameter in ConvNet().parameters()) == 1_200_011


def test_normalize_adds_the_channel_and_gives_float32() -> None:
    inputs = normalize(torch.zeros(2, 28, 28, dtype=torch.uint8))

    assert inputs.shape == (2, 1, 28, 28)
    assert inputs.dtype == torch.float32


@pytest.mark.parametrize(
    ("pixel", "value"),
    [pytest.param(0, -0.1307 / 0.3081, id="background"), pytest.param(255, (1 - 0.1307) / 0.3081, id="ink")],
)
def test_normalize_scales_by_the_mean_and_deviation_of_mnist(pixel: int, value: float) -> None:
    inputs = normalize(torch.full((1, 28, 28), pixel, dtype=torch.uint8))

    assert inputs.unique().tolist() == pytest.approx([value], rel=1e-5)


def test_evaluation_is_deterministic_though_training_drops_values() -> None:
    network, inputs = ConvNet(), torch.ones(1, 1, 28, 28)

    network.eval()
    assert torch.equal(network(inputs), network(inputs))
    network.train()
    assert not torch.equal(network(inputs), network(inputs))


def test_a_picture_gets_the_same_logits_alone_and_in_a_batch() -> None:
    network = ConvNet().eval()
    inputs = torch.randn(5, 1, 28, 28, generator=torch.Generator().manual_seed(0))

    torch.testing.assert_close(network(inputs)[3:4], network(inputs[3:4]), rtol=1e-4, atol=1e-5)


def test_doubt_keeps_the_order_of_the_digits() -> None:
    random = torch.Generator().manual_seed(0)
    logits, none = 3 * torch.randn(500, 10, generator=random), 30 * torch.randn(500, 1, generator=random)

    assert torch.equal(spread(logits, none).argsort(dim=1), logits.argsort(dim=1))


def test_probabilities_with_doubt_add_up_to_1() -> None:
    sums = spread(torch.randn(50, 10), torch.randn(50, 1)).sum(dim=1)

    torch.testing.assert_close(sums, torch.ones(50))


def test_no_answer_is_surer_than_the_labels_are_right() -> None:
    logits = torch.full((1, 10), -100.0)
    logits[0, 3] = 100

    assert float(spread(logits, torch.full((1, 1), -1e4)).max()) == pytest.approx(1 - 0.9 * MIN_DOUBT)


def test_full_doubt_leaves_every_digit_about_as_likely() -> None:
    logits = torch.arange(10.0).unsqueeze(0)

    probabilities = spread(logits, torch.full((1, 1), 1e4))

    assert 0.09 <= float(probabilities.min()) < float(probabilities.max()) <= 0.19
