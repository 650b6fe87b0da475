"""Repeats a call of the store until it is answered."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from inference_bridge.errors import StoreUnavailable
from inference_worker.metrics import WorkerMetrics

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

FIRST_BACKOFF_S, MAX_BACKOFF_S = 0.1, 2.0


class Persistence:
    """Calls the store until it answers; meanwhile results are held, and the prefetch stops new deliveries.

    Args:
        metrics: count the repetitions.
    """

    def __init__(self, metrics: WorkerMetrics) -> None:
        self._metrics = metrics

    async def until_answered(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the answer of a call that harms nothing when it is repeated."""
        pause_s = FIRST_BACKOFF_S
        while True:
            try:
                return await call()
            except StoreUnavailable as error:
                self._metrics.store_retries.inc()
                logger.warning("store unavailable, results held", extra={"reason": str(error), "pause_s": pause_s})
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, MAX_BACKOFF_S)
