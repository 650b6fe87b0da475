"""Keeps a session with RabbitMQ alive: reconnects after a pause when it ends."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

import pika
from pika.exceptions import AMQPError

from inference_bridge.errors import InferenceError
from inference_bridge.rabbitmq.connection import Connection

logger = logging.getLogger(__name__)

BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 5.0
#: After a session of this length the next pause is the shortest again.
STABLE_S = 60.0


async def supervise(parameters: pika.URLParameters, session: Callable[[Connection], Awaitable[None]]) -> None:
    """Keep one session with the broker alive until cancelled.

    It connects and runs `session`. When that returns or the connection is lost, it starts again after a pause: full
    jitter, doubling from 0.1 s to 5 s (Brooker, "Exponential Backoff And Jitter").
    """
    loop = asyncio.get_running_loop()
    attempt = 0
    while True:
        started = loop.time()
        try:
            async with Connection(parameters) as connection:
                await session(connection)
        except (AMQPError, OSError, TimeoutError, InferenceError) as error:
            reason = str(error) or type(error).__name__
            logger.warning("broker connection lost", extra={"reason": reason, "attempt": attempt})
        attempt = 0 if loop.time() - started > STABLE_S else attempt + 1
        await asyncio.sleep(random.uniform(0, min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** min(attempt, 10))))
