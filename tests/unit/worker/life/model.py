"""A model that does what its input says, in virtual time."""

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from inference_bridge.spec import ModelSpec
from mnist_model.spec import SPEC
from tests.support.models import ANSWERS_NAN, HANGS, KILLS, RAISES

if TYPE_CHECKING:
    from tests.unit.worker.life.life import Life

S_PER_INPUT = 0.01
#: Takes longer than a drain, and shorter than what counts as hung; the class is 9.
SLOW, SLOW_S = 249, 55.0


class LifeModel:
    """Does what the first pixel says, in virtual time."""

    spec: ClassVar[ModelSpec] = SPEC

    def __init__(self, life: "Life") -> None:
        self._life = life
        self.took_s = 0.0

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        marks = set(batch[:, 0, 0].tolist())
        self.took_s = S_PER_INPUT * len(batch) + SLOW_S * (SLOW in marks)
        self._life.note_run(batch)
        if KILLS in marks:
            self._life.die_in(self.took_s)
        if KILLS in marks or HANGS in marks:
            self.took_s = math.inf
        if RAISES in marks:
            raise ValueError("this input is poison")
        probabilities = np.eye(10, dtype=np.float32)[batch[:, 0, 0] % 10]  # (B, 10)
        probabilities[batch[:, 0, 0] == ANSWERS_NAN] = np.nan
        return probabilities
