"""Whether the jobs queue is old enough to be trusted: the broker itself remembers it, for every process alike.

RabbitMQ may forget a queue that was created less than about a second before a hard kill, with all it holds (seen on
4.3.6). A queue does not say how old it is. So a process that has watched it for long enough declares an exchange beside
it and binds the queue. The exchange is durable and `auto_delete`: RabbitMQ deletes it with its last binding, so with
the queue. As long as the exchange exists, the queue is the one that was watched.
"""

import asyncio
import logging

from pika.exceptions import ChannelClosed

from inference_bridge.rabbitmq.connection import Channel, Connection
from inference_bridge.rabbitmq.topology import Topology

logger = logging.getLogger(__name__)

#: How often is looked whether the queue that is watched is still there.
LOOK_INTERVAL_S = 0.5
_REFUSED, _IN_USE = 403, 406


async def wait_until_settled(connection: Connection, topology: Topology, *, settle_s: float) -> bool:
    """Return once the jobs queue has existed for `settle_s`: at once where that is known, else after that time.

    Return whether the broker remembers it from now on. A user without the right to configure the exchange (403) waits
    in each session.
    """
    if settle_s == 0:
        return False
    if await _is_settled(connection, topology):
        return True
    logger.info("jobs queue settles", extra={"settle_s": settle_s})
    await _watch(connection, topology, settle_s)
    return await _remember(connection, topology)


async def check_settled(channel: Channel, topology: Topology) -> None:
    """Return if the jobs queue is still the one that has settled.

    Raises:
        ChannelClosed: it was deleted; the one that is there now is new.
    """
    await channel.call(channel.raw.exchange_declare, topology.settled_exchange, passive=True)


async def _is_settled(connection: Connection, topology: Topology) -> bool:
    """Tell whether the queue is bound to the exchange; delete one that has no binding."""
    # An exchange that is bound cannot be deleted. One without a binding, which a process left that ended between the
    # two, would never be deleted by RabbitMQ and tells nothing.
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
    """Return after `settle_s`; raise ChannelClosed when the queue is deleted meanwhile."""
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
        # Without a callback nobody answers, so both leave in one send: alone the exchange would never be deleted.
        raw.exchange_declare(exchange, exchange_type="direct", durable=True, auto_delete=True)
        await channel.call(raw.queue_bind, topology.jobs.name, exchange, routing_key=topology.routing_key)
    except ChannelClosed as error:
        await _is_settled(connection, topology)  # deletes it again, unless another process has bound it
        if error.reply_code != _REFUSED:
            raise
        logger.warning("jobs queue settles in each session", extra={"reason": error.reply_text})
        return False
    await channel.close()
    return True
