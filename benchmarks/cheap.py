"""Models for this system's worker: the digits with a clock around each forward pass, and two models that cost nothing.

`FORWARD_FILE` names the file that holds the CPU seconds of all forward passes so far.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.subjects import DOCUMENTS, NOTHING, Ranking, Sentence
from inference_bridge.spec import ModelSpec
from mnist_model.predict import DigitClassifier
from mnist_model.spec import SPEC


class Timed:
    """The digits; a forward pass runs in the thread that calls it, because torch has one thread."""

    spec: ClassVar[ModelSpec] = SPEC

    def __init__(self, digits: DigitClassifier, file: int) -> None:
        self._digits = digits
        self._file = file
        self._spent_s = 0.0

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        """Return the digits with a clock."""
        file = os.open(os.environ["FORWARD_FILE"], os.O_CREAT | os.O_WRONLY)
        return cls(DigitClassifier.load(weights, device), file)

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (B, 10) probabilities, and write the CPU seconds so far."""
        before = time.thread_time()
        answers = self._digits.predict_batch(batch)
        self._spent_s += time.thread_time() - before
        os.pwrite(self._file, b"%020.9f" % self._spent_s, 0)
        return answers


class Nothing:
    """A model that answers at once."""

    spec: ClassVar[ModelSpec] = NOTHING.spec

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        """Return the model, which has no weights."""
        return cls()

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return that every class is as likely as the others, (B, 10)."""
        return np.full((len(batch), 10), 0.1, np.float32)


class Documents:
    """A model with JSON in and out that answers at once."""

    spec: ClassVar[ModelSpec] = DOCUMENTS.spec

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        """Return the model, which has no weights."""
        return cls()

    def predict_batch(self, batch: Sequence[Sentence]) -> list[Ranking]:
        """Return that every label fits as well as the others."""
        return [Ranking(labels=one.labels, scores=[1 / len(one.labels)] * len(one.labels)) for one in batch]
