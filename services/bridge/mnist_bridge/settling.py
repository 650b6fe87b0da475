"""Whether the jobs queue is old enough to be trusted: the broker itself remembers it, for every process alike.

RabbitMQ may forget a queue that was created less than about a second before a hard kill, with all it holds (seen on
4.3.6). A queue does not say how old it is. So a process that has watched it for long enough declares an exchange beside
it and binds the queue. The exchange is durable and `auto_delete`: RabbitMQ deletes it with its last binding, so with
the queue. As long as the exchange exists, the queue is the one that was watched.
"""

import asyncio
import logging
from contextlib import suppress

from pika.exceptions import ChannelClosed

from mnist_bridge.amqp import Channel, Connection
from mnist_bridge.topology import Topology

logger = logging.getLogger(__name__)

_REFUSED, _NOT_FOUND = 403, 404


async def until_settled(connection: Connection, topology: Topology, *, settle_s: float) -> bool:
    """Return once the jobs queue has existed for `settle_s`: at once where that is known, else after that time.

    Return whether the broker remembers it from now on. A user without the right to configure the exchange (403) waits
    in each session.
    """
    if settle_s == 0:
        return False
    if await _is_settled(connection, topology):
        return True
    logger.info("jobs queue settles", extra={"settle_s": settle_s})
    await asyncio.wait([connection.lost], timeout=settle_s)
    return await _remember(connection, topology)


async def check_settled(channel: Channel, topology: Topology) -> None:
    """Return if the jobs queue is still the one that has settled.

    Raises:
        ChannelClosed: it was deleted; the one that is there now is new.
    """
    await channel.call(channel.raw.exchange_declare, topology.settled_exchange, passive=True)


async def _is_settled(connection: Connection, topology: Topology) -> bool:
    channel = await connection.channel()
    try:
        await check_settled(channel, topology)
    except ChannelClosed as error:
        if error.reply_code in {_REFUSED, _NOT_FOUND}:
            return False
        raise
    await channel.close()
    return True


async def _remember(connection: Connection, topology: Topology) -> bool:
    channel = await connection.channel()
    raw, exchange = channel.raw, topology.settled_exchange
    try:
        # Without a callback nobody answers, so both leave in one send: alone the exchange would never be deleted.
        raw.exchange_declare(exchange, exchange_type="direct", durable=True, auto_delete=True)
        await channel.call(raw.queue_bind, topology.jobs.name, exchange, routing_key=topology.routing_key)
    except ChannelClosed as error:
        if error.reply_code != _REFUSED:
            raise
        logger.warning("jobs queue settles in each session", extra={"reason": error.reply_text})
        await _forget(connection, topology)
        return False
    await channel.close()
    return True


async def _forget(connection: Connection, topology: Topology) -> None:
    channel = await connection.channel()
    with suppress(ChannelClosed):  # it was never declared, or another process has bound it
        await channel.call(channel.raw.exchange_delete, topology.settled_exchange, if_unused=True)
        await channel.close()
