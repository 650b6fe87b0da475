"""The digit classifier, which the worker serves."""

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from inference_bridge.spec import ModelSpec
from mnist_model.predict.folded import fold
from mnist_model.predict.network import ConvNet
from mnist_model.predict.weights import DEFAULT_WEIGHTS, load_weights
from mnist_model.spec import SPEC


class DigitClassifier:
    """Classifies 28x28 pictures of digits. `inference_worker.model.Model` is its contract."""

    spec: ClassVar[ModelSpec] = SPEC

    def __init__(self, network: ConvNet, device: torch.device) -> None:
        self._device = device
        # Channels last is 2.6 times faster on a CPU at batch 32, with the same answers.
        self._network = fold(network).to(device).to(memory_format=torch.channels_last)

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        """Return the classifier with weights from a file; without a file, with the package's own weights."""
        network = ConvNet()
        state, _ = load_weights(weights or DEFAULT_WEIGHTS)
        network.load_state_dict(state)
        return cls(network, device)

    @torch.inference_mode()
    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify (B, 28, 28) uint8; return (B, 10) float32 probabilities."""
        images = torch.from_numpy(batch).to(self._device, non_blocking=True)
        inputs = images.to(torch.float32).unsqueeze(1)  # (B, 1, 28, 28)
        probabilities = self._network.classify(inputs)  # (B, 10)
        # The copy to the host waits for the device: it is the only synchronisation of a batch.
        result: NDArray[np.float32] = probabilities.cpu().numpy()
        return result
