"""The models as the peers serve them: each reads a request's body and answers a batch."""

import io
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter, ImageOps

from benchmarks import large_model
from mnist_model.predict import DigitClassifier
from mnist_model.prepare import begin
from mnist_model.spec import INPUT

MAX_PIXELS = 64_000_000
CPU = torch.device("cpu")


class Served(Protocol):
    """A model that a peer serves."""

    def read(self, body: bytes) -> NDArray[np.uint8]:
        """Return one input."""

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probabilities of each input."""


class Large:
    """The model of large inputs."""

    def __init__(self) -> None:
        self.predict_batch = large_model.Large.load(None, CPU).predict_batch

    def read(self, body: bytes) -> NDArray[np.uint8]:
        """Return the array of a body, (224, 224, 3)."""
        return np.frombuffer(body, np.uint8).reshape(large_model.SHAPE)


class Digits:
    """The digits after the same preparation as in this system's API."""

    def __init__(self) -> None:
        self.predict_batch = DigitClassifier.load(None, CPU).predict_batch

    def read(self, body: bytes) -> NDArray[np.uint8]:
        """Return the digit of a picture file, (28, 28)."""
        ready = begin(body, max_pixels=MAX_PIXELS)
        return np.frombuffer(ready if isinstance(ready, bytes) else ready(), np.uint8).reshape(INPUT.shape)


class Plain(Digits):
    """The digits after a plain decode: grey, less the paper around, cut to the ink and scaled."""

    def read(self, body: bytes) -> NDArray[np.uint8]:
        """Return a dark digit on light paper as light on dark, (28, 28)."""
        with Image.open(io.BytesIO(body)) as image:
            grey = image.convert("L").reduce(4)
        paper = grey.filter(ImageFilter.BoxBlur(40))
        ink = ImageOps.autocontrast(ImageChops.subtract(paper, grey), cutoff=(0, 0.2))
        box = ink.point(lambda level: 255 * (level > 128)).getbbox()
        digit = ImageOps.contain(ink.crop(box), (20, 20))
        return np.asarray(ImageOps.pad(ImageOps.expand(digit, 4), (28, 28)))


class Nothing:
    """A model that answers at once."""

    def read(self, body: bytes) -> NDArray[np.uint8]:
        """Return the array of a body, (28, 28)."""
        return np.frombuffer(body, np.uint8).reshape(28, 28)

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return that every class is as likely as the others, (B, 10)."""
        return np.full((len(batch), 10), 0.1, np.float32)


MODELS: dict[str, type[Large | Digits | Nothing]] = {
    "large": Large,
    "digits": Digits,
    "plain": Plain,
    "nothing": Nothing,
}


def load(name: str) -> Served:
    """Return a model by its name, in a process whose torch has one thread from now on."""
    torch.set_num_threads(1)
    return MODELS[name]()
