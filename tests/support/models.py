"""Models for tests, loaded through the same door as the real one (`INFERENCE_MODEL=tests.support.models:ECHO`).

The first pixel says what happens: its value modulo 10 is the predicted class, unless it is one of the faults below.
"""

import logging
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from inference_bridge.spec import ModelSpec
from mnist_model.spec import SPEC

logger = logging.getLogger(__name__)

RAISES, KILLS, HANGS, RUNS_OUT_OF_MEMORY, LOSES_THE_DEVICE, ANSWERS_NAN = 250, 251, 252, 253, 254, 255


def _spec_of(name: str) -> ModelSpec:
    return replace(SPEC, model=f"{__name__}:{name}")


ECHO = _spec_of("EchoModel")
SLOW = _spec_of("SlowModel")
GATED = _spec_of("GatedModel")
HANGING = _spec_of("HangingModel")
NEVER_WARM = _spec_of("NeverWarmModel")
FAULTY = _spec_of("FaultyModel")


class EchoModel:
    """Predicts the class that the first pixel names; keeps the sizes of the batches it was given."""

    spec: ClassVar[ModelSpec] = ECHO

    def __init__(self) -> None:
        self.batch_sizes: list[int] = []

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        return cls()

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batch_sizes.append(len(batch))
        return np.eye(10, dtype=np.float32)[batch[:, 0, 0] % 10]  # (B, 10)


class SlowModel(EchoModel):
    """Takes 20 ms for each input, so that a batch can be caught in the middle."""

    spec = SLOW

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        time.sleep(0.02 * len(batch))
        return super().predict_batch(batch)


class GatedModel(EchoModel):
    """Answers its first batch at once, and the later ones when the file that `GATE` names is there.

    It logs that it waits: from then on the worker is in the middle of a batch for as long as the test likes.
    """

    spec = GATED

    def __init__(self) -> None:
        super().__init__()
        self._gate = Path(os.environ["GATE"])
        self._is_first = True

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        if batch.any() and not self._is_first:
            self._wait()
        self._is_first = self._is_first and not batch.any()
        return super().predict_batch(batch)

    def _wait(self) -> None:
        logger.info("waiting at the gate")
        while not self._gate.exists():
            time.sleep(0.01)


class HangingModel(EchoModel):
    """Never comes back from any input but the empty one, with which a model is warmed up."""

    spec = HANGING

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        if batch.any():
            logger.info("model hangs")
            time.sleep(3_600)
        return super().predict_batch(batch)


class NeverWarmModel(EchoModel):
    """Never comes back from any input."""

    spec = NEVER_WARM

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        time.sleep(3_600)
        return super().predict_batch(batch)


class FaultyModel(EchoModel):
    """Does what the first pixel of any input in the batch says.

    Attributes:
        released: ends a hang, which lasts for ever otherwise; for tests whose process goes on.
    """

    spec = FAULTY

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        marks = set(batch[:, 0, 0].tolist())
        if RAISES in marks:
            raise ValueError("this input is poison")
        if KILLS in marks:
            os.kill(os.getpid(), signal.SIGKILL)
        if HANGS in marks:
            self.released.wait()
        if RUNS_OUT_OF_MEMORY in marks and len(batch) > 2:
            raise torch.cuda.OutOfMemoryError("out of memory")
        if LOSES_THE_DEVICE in marks:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        probabilities = super().predict_batch(batch)
        probabilities[batch[:, 0, 0] == ANSWERS_NAN] = np.nan
        return probabilities
