"""Adapts a worker's prefetch to the measured time of its batches."""

import asyncio
import logging

from inference_bridge.contract import Consumer
from inference_bridge.inbox import Inbox
from inference_worker.engine import Prediction
from inference_worker.sizing import BatchSizing

logger = logging.getLogger(__name__)


class Pacing:
    """Changes the prefetch with the batch size, and requeues jobs that other workers could run sooner.

    Args:
        sizing: learns the best batch size.
        consumer: delivers jobs.
        inbox: holds the waiting jobs.
    """

    def __init__(self, sizing: BatchSizing, consumer: Consumer, inbox: Inbox) -> None:
        self._sizing = sizing
        self._consumer = consumer
        self._inbox = inbox
        self._has_learned = asyncio.Event()

    def learn(self, prediction: Prediction, predict_s: float, *, max_batch_size: int) -> None:
        """Learn the time of a batch in which nothing failed, and the largest batch that the device can hold."""
        if prediction.answers and not prediction.has_raised:
            self._sizing.observe(len(prediction.answers), predict_s)
        self._sizing.lower_ceiling(max_batch_size)
        self._has_learned.set()

    async def run(self) -> None:
        """Adapt the prefetch until cancelled."""
        while True:
            await self._has_learned.wait()
            self._has_learned.clear()
            await self._follow()

    async def _follow(self) -> None:
        wanted, held = self._sizing.prefetch, self._consumer.prefetch
        if wanted <= held < 2 * wanted:  # a small change is not worth a new consumer
            return
        logger.info("prefetch follows batch size", extra={"prefetch": wanted, "before": held})
        await self._consumer.change_prefetch(wanted)
        if self._sizing.is_slow:
            self._consumer.requeue(self._inbox.take_surplus(keep=wanted - self._sizing.batch_size))
