"""Says which classes a picture probably belongs to, with torchvision's ResNet-18."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import resnet18

from inference_bridge.errors import WeightsError
from inference_bridge.kinds import Json, Picture
from inference_bridge.spec import ModelSpec
from inference_worker.model import Input

#: Mean and standard deviation of ImageNet's red, green and blue, with 255 counted as 1.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Options(BaseModel):
    """The parameters of a request."""

    top_k: int = Field(5, ge=1, le=100, description="number of classes in the answer")


class ClassProbability(BaseModel):
    """A class, by its number from 0 to 999, and how probable it is."""

    class_index: int
    probability: float


class TopClasses(BaseModel):
    """The answer: the most probable classes, the best first."""

    classes: list[ClassProbability]


@dataclass(frozen=True)
class Photo:
    """A decoded input: pixels (224, 224, 3) uint8, and the parameters."""

    pixels: NDArray[np.uint8]
    options: Options


class Photos:
    """Classifies pictures with a ResNet-18."""

    spec: ClassVar[ModelSpec] = ModelSpec(
        "photos",
        version=1,
        takes=Picture(224, 224, "RGB", fit="cover"),
        answers=Json(TopClasses),
        params=Options,
        example=Path(__file__).with_name("hills.jpg").read_bytes(),
    )

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self._device = device
        self._network = network.eval().to(device).to(memory_format=torch.channels_last)

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        """Return the model with weights from a safetensors file; without a file, with random weights of seed 0."""
        # The default random numbers stay as they are.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = resnet18(weights=None)
        if weights:
            _fill(network, weights)
        return cls(network, device)

    def decode(self, given: Input) -> Photo:
        """Keep the pixels and the parameters together."""
        return Photo(given.value, given.params)

    @torch.inference_mode()
    def predict_batch(self, photos: Sequence[Photo]) -> list[TopClasses]:
        """Classify each photo."""
        pixels = torch.from_numpy(np.stack([photo.pixels for photo in photos]))  # (B, 224, 224, 3)
        probabilities = self._network(normalize(pixels.to(self._device))).softmax(dim=1)  # (B, 1000)
        best = probabilities.topk(max(photo.options.top_k for photo in photos))  # both (B, top_k)
        rows = zip(best.indices.tolist(), best.values.tolist(), photos, strict=True)
        return [_answer(indices, values, photo.options.top_k) for indices, values, photo in rows]


def normalize(pixels: Tensor) -> Tensor:
    """Return pixels (B, H, W, 3) uint8 as the network's input (B, 3, H, W) float32, in the order channels last."""
    scaled = pixels.to(torch.float32) / 255  # (B, H, W, 3)
    return ((scaled - scaled.new_tensor(_MEAN)) / scaled.new_tensor(_STD)).permute(0, 3, 1, 2)  # (B, 3, H, W)


def _answer(indices: list[int], values: list[float], top_k: int) -> TopClasses:
    pairs = zip(indices[:top_k], values[:top_k], strict=True)
    return TopClasses(classes=[ClassProbability(class_index=index, probability=value) for index, value in pairs])


def _fill(network: nn.Module, path: Path) -> None:
    try:
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        remedy = "save the state of torchvision's resnet18 as safetensors, or unset INFERENCE_WEIGHTS"
        raise WeightsError(f"weights file {path} cannot be used ({error}): {remedy}") from error
