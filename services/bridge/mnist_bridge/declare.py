"""Declares the topology, or where the user may not, checks that it is there."""

import logging

from pika.exceptions import ChannelClosed

from mnist_bridge.amqp import Channel, Connection
from mnist_bridge.errors import ConfigurationError
from mnist_bridge.topology import Queue, Topology

logger = logging.getLogger(__name__)

_REFUSED, _NOT_FOUND, _OTHER_ARGUMENTS = 403, 404, 406


async def ensure_topology(connection: Connection, topology: Topology) -> bool:
    """Make sure that every exchange, queue and binding exists; return whether the jobs queue is new.

    A user without the right to configure (403) relies on the definitions that the operator loaded.

    Raises:
        ConfigurationError: something is missing and may not be created, or exists with other arguments.
    """
    existed = await _exists(connection, topology.jobs)
    try:
        await _declare(await connection.channel(), topology)
    except ChannelClosed as error:
        if error.reply_code == _REFUSED and existed:
            return False
        raise ConfigurationError(_problem(error, topology)) from error
    if not existed:
        logger.info("topology created", extra={"queue": topology.jobs.name})
    return not existed


async def _exists(connection: Connection, queue: Queue) -> bool:
    channel = await connection.channel()
    try:
        await channel.call(channel.raw.queue_declare, queue.name, passive=True)
    except ChannelClosed as error:
        if error.reply_code in {_REFUSED, _NOT_FOUND}:
            return False
        raise
    await channel.close()
    return True


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
            "use the same MNIST_QUEUE_MAX_LENGTH everywhere, or drain and delete the old one"
        )
    return (
        f"queue {topology.jobs.name} is missing and may not be created ({error.reply_text}); "
        "load the definitions into RabbitMQ or give this user the right to configure"
    )
