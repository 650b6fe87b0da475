"""What a model must offer to be served, and the door through which one is loaded."""

from importlib import import_module
from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray

from mnist_bridge.errors import ConfigurationError
from mnist_bridge.spec import ModelSpec


class Model(Protocol):
    """A trained model on one device. One thread at a time calls it."""

    spec: ClassVar[ModelSpec]

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        """Return the model with its weights on the device; None means the weights that come with it.

        Raises:
            WeightsError: missing, broken or for another model.
        """

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify a batch.

        Args:
            batch: (B, *spec.shape) uint8, 0 = background, 255 = ink; B from 1 on.

        Returns:
            (B, class_count) float32 probabilities; each row sums to 1.
        """


def import_model(path: str) -> type[Model]:
    """Return the model class at `package.module:Class`.

    Raises:
        ConfigurationError: there is no such module or class.
    """
    module_name, _, class_name = path.partition(":")
    try:
        model: type[Model] = getattr(import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"MNIST_MODEL is {path!r}, expected package.module:Class ({error})") from error
    return model
