"""The worker's half of a model, and how it is imported."""

from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray

from inference_bridge.errors import ConfigurationError
from inference_bridge.imports import import_named
from inference_bridge.spec import ModelSpec


class Model(Protocol):
    """A trained model on one device, called by one thread at a time."""

    spec: ClassVar[ModelSpec]

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        """Return the model with its weights on the device; None means the weights in its package.

        Raises:
            WeightsError: the weights are missing, broken or of another model.
        """

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify a batch.

        Args:
            batch: (B, *spec.shape) uint8 with B >= 1.

        Returns:
            (B, class_count) float32 probabilities; each row sums to 1.
        """


def import_model(spec: ModelSpec) -> type[Model]:
    """Return the class that a spec names.

    Raises:
        ConfigurationError: there is no such class.
    """
    model: Any = import_named(spec.model)
    if not isinstance(model, type):
        raise ConfigurationError(f"{spec.model!r}, the model of {spec.message_type}, is not a class")
    return model
