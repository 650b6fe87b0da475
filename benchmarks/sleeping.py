"""Models that sleep instead of computing; they answer that every picture is a 0.

Variables: `SLEEP_S` is the seconds of a job or a batch. `START_COUNT` workers wait for each other in `START_DIRECTORY`
before they take jobs: workers on the same core import torch one after the other.
"""

import os
import time
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from inference_bridge.spec import ModelSpec
from mnist_model.spec import ANSWER, SPEC

POLL_S = 0.01


class JobByJob:
    """A model that takes the same time for each job of a batch."""

    spec: ClassVar[ModelSpec] = SPEC

    def __init__(self, sleep_s: float) -> None:
        self._sleep_s = sleep_s

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        """Wait until all workers have called this; return the model, which has no weights."""
        directory = Path(os.environ["START_DIRECTORY"])
        (directory / str(os.getpid())).touch()
        while len(list(directory.iterdir())) < int(os.environ["START_COUNT"]):
            time.sleep(POLL_S)
        return cls(float(os.environ["SLEEP_S"]))

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Sleep, except for the blank pictures of the warm-up."""
        time.sleep(self._compute_seconds(len(batch)) * batch.any())
        answers = np.zeros((len(batch), ANSWER.count), dtype=np.float32)
        answers[:, 0] = 1
        return answers

    def _compute_seconds(self, batch_size: int) -> float:
        return self._sleep_s * batch_size


class BatchByBatch(JobByJob):
    """A model that takes the same time for a batch of any size."""

    def _compute_seconds(self, batch_size: int) -> float:
        return self._sleep_s
