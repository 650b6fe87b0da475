"""Runs batches in the one thread that uses the device; splits a batch that fails."""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from inference_bridge.errors import DeviceLost, PredictionFailed
from inference_worker.device import is_device_lost, is_out_of_memory
from inference_worker.model import Model

logger = logging.getLogger(__name__)

Probabilities = NDArray[np.float32]


class Engine:
    """Runs batches on the device without blocking the event loop, for one caller at a time.

    Args:
        model: loaded; only one thread uses it.
        max_batch_size: largest batch; becomes smaller when the device runs out of memory.
        forward_timeout_s: seconds after which a forward pass counts as hung and the process must restart.
    """

    def __init__(self, model: Model, *, max_batch_size: int, forward_timeout_s: float) -> None:
        self._model = model
        self._shape = model.spec.shape
        self._forward_timeout_s = forward_timeout_s
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="device")
        self.max_batch_size = max_batch_size

    async def warm_up(self) -> None:
        """Run batches of one and of `max_batch_size`, so that the first job needs no initialisation."""
        for batch_size in (1, self.max_batch_size):
            await self._forward(np.zeros((batch_size, *self._shape), dtype=np.uint8))

    async def predict(self, bodies: Sequence[bytes]) -> list[Probabilities | PredictionFailed]:
        """Return for each input, in order, its probabilities or its own error.

        Args:
            bodies: raw uint8 tensors of the model's shape.

        Raises:
            DeviceLost: the device has failed; no input has an answer.
        """
        return await self._isolate(bodies)

    def close(self) -> None:
        """End the thread after its current batch."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _isolate(self, bodies: Sequence[bytes]) -> list[Probabilities | PredictionFailed]:
        try:
            batch = np.frombuffer(bytearray().join(bodies), dtype=np.uint8).reshape(-1, *self._shape)  # (B, *shape)
            return [_check_row(row) for row in await self._forward(batch)]
        # The boundary to a model's code: any exception is an error of the batch.
        except Exception as error:
            if is_device_lost(error):
                raise DeviceLost(f"the device failed: {error}; restart the worker") from error
            if isinstance(error, DeviceLost):
                raise
            if len(bodies) == 1:
                logger.exception("prediction failed", extra={"error": str(error)})
                return [PredictionFailed(f"the model could not classify this input ({type(error).__name__})")]
            if is_out_of_memory(error):
                self._lower_ceiling(len(bodies))
        half = len(bodies) // 2
        return await self._isolate(bodies[:half]) + await self._isolate(bodies[half:])

    async def _forward(self, batch: NDArray[np.uint8]) -> Probabilities:
        running = asyncio.get_running_loop().run_in_executor(self._thread, self._predict, batch)
        done, _ = await asyncio.wait([running], timeout=self._forward_timeout_s)
        if not done:
            raise DeviceLost(f"a forward pass took more than {self._forward_timeout_s} s; restart the worker")
        return running.result()

    def _predict(self, batch: NDArray[np.uint8]) -> Probabilities:
        probabilities = self._model.predict_batch(batch)
        expected = (len(batch), self._model.spec.class_count)
        if probabilities.shape != expected:
            raise ValueError(f"the model answered shape {probabilities.shape}, expected {expected}")
        return probabilities

    def _lower_ceiling(self, batch_size: int) -> None:
        self.max_batch_size = max(1, min(self.max_batch_size, batch_size // 2))
        logger.warning("device out of memory, batch ceiling lowered", extra={"max_batch_size": self.max_batch_size})


def _check_row(row: Probabilities) -> Probabilities | PredictionFailed:
    if np.isfinite(row).all():
        return row
    return PredictionFailed("the model answered probabilities that are not finite for this input")
