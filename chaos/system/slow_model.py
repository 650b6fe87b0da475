"""The real classifier behind a device that takes its time, so that the model limits the system, not the machine."""

import time
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mnist_model.predict.classifier import DigitClassifier

S_PER_INPUT = 0.008


class SlowClassifier(DigitClassifier):
    """Waits 8 ms for each input, then answers as the real one."""

    s_per_input: ClassVar[float] = S_PER_INPUT

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Wait, and answer as the real one."""
        time.sleep(self.s_per_input * len(batch))
        return super().predict_batch(batch)


class SlowerClassifier(SlowClassifier):
    """Waits 40 ms for each input: it is easily kept busy, whatever else the machine does."""

    s_per_input = 0.04
