"""These tests need a GPU, and neither RabbitMQ, Redis nor a network: `make test-gpu`, or `pytest tests/gpu`."""

import pytest
import torch

from inference_bridge.errors import ConfigurationError
from inference_worker.device import open_device


@pytest.fixture(scope="session")
def gpu() -> torch.device:
    """The first GPU; without one the test is skipped, with torch's reason."""
    try:
        return open_device("cuda", require_gpu=True)
    except ConfigurationError as error:
        pytest.skip(str(error))
