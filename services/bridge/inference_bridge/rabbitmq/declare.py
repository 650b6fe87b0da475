"""Declares the topology, or checks that it exists; declares a deleted queue again."""

import asyncio
import logging

from pika.exceptions import AMQPError, ChannelClosed

from inference_bridge.errors import BrokerUnavailable, ConfigurationError, InferenceError
from inference_bridge.rabbitmq.connection import Channel, Connection
from inference_bridge.rabbitmq.topology import Queue, Topology

logger = logging.getLogger(__name__)

#: Seconds between two checks for deleted queues.
WATCH_INTERVAL_S = 1.0
_REFUSED, _NOT_FOUND, _OTHER_ARGUMENTS = 403, 404, 406


async def ensure_topology(connection: Connection, topology: Topology) -> bool:
    """Make sure that every exchange, queue and binding exists; return whether the jobs queue is new.

    Without the right to configure (403), the definitions that the operator loaded must exist.

    Raises:
        ConfigurationError: an object is missing and may not be created, or exists with other arguments.
    """
    existed = await _find_refusal(connection, topology.jobs) is None
    channel = await connection.channel()
    try:
        await _declare(channel, topology)
        await channel.close()
    except ChannelClosed as error:
        if error.reply_code == _REFUSED and existed:
            return False
        raise ConfigurationError(_problem(error, topology)) from error
    if not existed:
        logger.info("topology created", extra={"queue": topology.jobs.name})
    return not existed


async def watch_topology(connection: Connection, topology: Topology) -> BaseException:
    """Declare deleted queues again; return why the session must restart.

    Publishers notice a deleted jobs queue by themselves. The queues `dead` and `retry` may be unused for a long time,
    and RabbitMQ cannot dead-letter to a queue that does not exist.
    """
    while not connection.lost.done():
        await asyncio.wait([connection.lost], timeout=WATCH_INTERVAL_S)
        try:
            refusals = await _find_refusals(connection, topology)
            if _REFUSED in refusals:
                break  # every further check would be an error in the broker's log
            if _NOT_FOUND in refusals and await ensure_topology(connection, topology):
                return BrokerUnavailable(f"queue {topology.jobs.name} was deleted and declared again")
        except (AMQPError, InferenceError, TimeoutError) as error:
            if not connection.is_blocked:
                return error
    return await connection.lost


async def _find_refusals(connection: Connection, topology: Topology) -> set[int | None]:
    if connection.is_blocked:  # under an alarm the broker does not read a publishing connection
        return set()
    return {await _find_refusal(connection, queue) for queue in (topology.dead, topology.retry)}


async def _find_refusal(connection: Connection, queue: Queue) -> int | None:
    """Return None if the queue exists, otherwise the broker's refusal: 404, or 403 without the right to see it."""
    channel = await connection.channel()
    try:
        await channel.call(channel.raw.queue_declare, queue.name, passive=True)
    except ChannelClosed as error:
        if error.reply_code in {_REFUSED, _NOT_FOUND}:
            return int(error.reply_code)
        raise
    await channel.close()
    return None


async def _declare(channel: Channel, topology: Topology) -> None:
    raw = channel.raw
    for exchange in topology.exchanges:
        await channel.call(raw.exchange_declare, exchange, exchange_type="direct", durable=True)
    for queue in topology.queues:
        await channel.call(raw.queue_declare, queue.name, durable=True, arguments=queue.arguments)
        await channel.call(raw.queue_bind, queue.name, queue.exchange, routing_key=queue.routing_key)


def _problem(error: ChannelClosed, topology: Topology) -> str:
    if error.reply_code == _OTHER_ARGUMENTS:
        return (
            f"RabbitMQ holds a queue or exchange with other arguments than ours ({error.reply_text}); "
            "use the same INFERENCE_QUEUE_MAX_LENGTH everywhere, or drain and delete the old one"
        )
    return (
        f"queue {topology.jobs.name} is missing and may not be created ({error.reply_text}); "
        "load the definitions into RabbitMQ or give this user the right to configure"
    )
