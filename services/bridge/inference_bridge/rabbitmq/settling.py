"""Waits until the jobs queue is old enough to survive a hard kill; an exchange in the broker records that.

RabbitMQ may lose a queue, with its messages, that was created less than about a second before a hard kill (seen on
4.3.6). The age of a queue cannot be read. So a process watches a new queue for some seconds, then declares an exchange
and binds the queue to it. The exchange is durable and `auto_delete`: RabbitMQ deletes it with its last binding, so
together with the queue. While the exchange exists, the queue is the watched one.
"""

import asyncio
import logging

from pika.exceptions import ChannelClosed

from inference_bridge.rabbitmq.connection import Channel, Connection
from inference_bridge.rabbitmq.topology import Topology

logger = logging.getLogger(__name__)

#: Seconds between two checks that the watched queue still exists.
LOOK_INTERVAL_S = 0.5
_REFUSED, _IN_USE = 403, 406


async def wait_until_settled(connection: Connection, topology: Topology, *, settle_s: float) -> bool:
    """Return once the jobs queue has existed for `settle_s`: at once if the exchange exists.

    Return whether the exchange exists now. Without the right to configure it (403), each session waits anew.
    """
    if settle_s == 0:
        return False
    if await _is_settled(connection, topology):
        return True
    logger.info("jobs queue settles", extra={"settle_s": settle_s})
    await _watch(connection, topology, settle_s)
    return await _remember(connection, topology)


async def check_settled(channel: Channel, topology: Topology) -> None:
    """Return if the jobs queue is still the settled one.

    Raises:
        ChannelClosed: the queue was deleted; any queue of this name is new.
    """
    await channel.call(channel.raw.exchange_declare, topology.settled_exchange, passive=True)


async def _is_settled(connection: Connection, topology: Topology) -> bool:
    """Tell whether the queue is bound to the exchange; delete an exchange without a binding."""
    # A bound exchange cannot be deleted here. An unbound exchange means nothing: a process declared it and died before
    # it bound the queue, and RabbitMQ would never delete it.
    channel = await connection.channel()
    try:
        await channel.call(channel.raw.exchange_delete, topology.settled_exchange, if_unused=True)
    except ChannelClosed as error:
        if error.reply_code in {_REFUSED, _IN_USE}:
            return error.reply_code == _IN_USE
        raise
    await channel.close()
    return False


async def _watch(connection: Connection, topology: Topology, settle_s: float) -> None:
    """Return after `settle_s`; raise ChannelClosed if the queue is deleted before."""
    channel = await connection.channel()
    loop = asyncio.get_running_loop()
    end = loop.time() + settle_s
    while (left_s := end - loop.time()) > 0 and not connection.lost.done():
        await asyncio.wait([connection.lost], timeout=min(left_s, LOOK_INTERVAL_S))
        await channel.call(channel.raw.queue_declare, topology.jobs.name, passive=True)
    await channel.close()


async def _remember(connection: Connection, topology: Topology) -> bool:
    channel = await connection.channel()
    raw, exchange = channel.raw, topology.settled_exchange
    try:
        # Both calls leave in one send, since the first awaits no answer: an unbound exchange would never be deleted.
        raw.exchange_declare(exchange, exchange_type="direct", durable=True, auto_delete=True)
        await channel.call(raw.queue_bind, topology.jobs.name, exchange, routing_key=topology.routing_key)
    except ChannelClosed as error:
        await _is_settled(connection, topology)  # deletes the exchange, unless another process has bound it
        if error.reply_code != _REFUSED:
            raise
        logger.warning("jobs queue settles in each session", extra={"reason": error.reply_text})
        return False
    await channel.close()
    return True
