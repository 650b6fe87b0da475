"""The real classifier on a slow device; mounted into the workers."""

import logging
import os
import time

import numpy as np
from numpy.typing import NDArray

from mnist_model.predict.classifier import DigitClassifier

logger = logging.getLogger("slow_model")


class SlowDigits(DigitClassifier):
    """Sleeps `SECONDS_PER_JOB` for each input of a batch, except in the warm-up, then calls the real classifier.

    It logs the start and the end of the sleep: between the two, no result of the batch can exist.
    """

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify (B, 28, 28) uint8; return (B, 10) float32 probabilities."""
        if batch.any():
            logger.info("started", extra={"jobs": len(batch)})
            time.sleep(float(os.environ["SECONDS_PER_JOB"]) * len(batch))
            logger.info("finished", extra={"jobs": len(batch)})
        return super().predict_batch(batch)
