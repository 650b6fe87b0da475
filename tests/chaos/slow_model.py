"""The real classifier behind a device that takes its time, so that the model limits the system, not the machine."""

import time

import numpy as np
from numpy.typing import NDArray

from mnist_worker.classifier import DigitClassifier

S_PER_INPUT = 0.008


class SlowClassifier(DigitClassifier):
    """Waits 8 ms for each input, then answers as the real one."""

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        time.sleep(S_PER_INPUT * len(batch))
        return super().predict_batch(batch)
