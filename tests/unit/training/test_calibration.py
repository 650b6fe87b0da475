import pytest
import torch

from mnist_model.predict.network import ConvNet
from mnist_training.calibration import apply_temperature, compute_calibration_error, fit_temperature


def test_a_network_that_is_as_often_right_as_it_is_sure_has_no_error() -> None:
    probabilities = torch.tensor([[0.75, 0.25]] * 4)
    labels = torch.tensor([0, 0, 0, 1])

    assert compute_calibration_error(probabilities, labels) == pytest.approx(0, abs=1e-6)


def test_the_error_is_the_distance_between_confidence_and_accuracy() -> None:
    probabilities = torch.tensor([[0.9, 0.1]] * 2 + [[0.6, 0.4]] * 2)
    labels = torch.tensor([0, 1, 0, 0])  # 90 % sure and half right; 60 % sure and all right

    assert compute_calibration_error(probabilities, labels) == pytest.approx((0.4 + 0.4) / 2, abs=1e-6)


def test_the_fitted_temperature_takes_back_an_exaggeration() -> None:
    random = torch.Generator().manual_seed(2)
    honest = 2 * torch.randn(20_000, 10, generator=random)
    labels = torch.multinomial(honest.softmax(dim=1), 1, generator=random).squeeze(1)

    assert fit_temperature(3 * honest, labels) == pytest.approx(3, rel=0.05)


def test_an_applied_temperature_divides_the_logits() -> None:
    network, inputs = ConvNet().eval(), torch.ones(1, 1, 28, 28)
    before = network(inputs)

    apply_temperature(network, 2.5)

    torch.testing.assert_close(network(inputs), before / 2.5)
