"""Lets the jobs that a worker holds follow what it has learned about its batches."""

import asyncio
import logging

from inference_bridge.contract import Consumer
from inference_bridge.inbox import Inbox
from inference_worker.sizing import BatchSizing

logger = logging.getLogger(__name__)


class Pacing:
    """Changes the prefetch when another one pays, and gives back what could be running elsewhere.

    Args:
        sizing: learns how large a batch pays.
        consumer: lends jobs.
        inbox: where they wait.
    """

    def __init__(self, sizing: BatchSizing, consumer: Consumer, inbox: Inbox) -> None:
        self._sizing = sizing
        self._consumer = consumer
        self._inbox = inbox
        self._has_learned = asyncio.Event()

    def learn(self, batch_size: int, predict_s: float, *, max_batch_size: int) -> None:
        """Note what a batch took in which nothing failed; none of those to come may be larger than `max_batch_size`."""
        self._sizing.observe(batch_size, predict_s)
        self.lower_ceiling(max_batch_size)

    def lower_ceiling(self, max_batch_size: int) -> None:
        """Note how large a batch the device can hold."""
        self._sizing.lower_ceiling(max_batch_size)
        self._has_learned.set()

    async def run(self) -> None:
        """Follow what is learned until cancelled."""
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
