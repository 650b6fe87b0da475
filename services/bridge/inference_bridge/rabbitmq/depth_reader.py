"""Reads the depth of the queues from RabbitMQ over its own connection.

Under an alarm the broker does not read connections that publish. The depth matters most then: if the queue has filled
the memory, the autoscaler must see its depth to start workers.
"""

import asyncio

from pika.exceptions import AMQPError, ChannelClosed

from inference_bridge.depths import Depths
from inference_bridge.errors import BrokerUnavailable
from inference_bridge.rabbitmq.connection import Connection
from inference_bridge.rabbitmq.parameters import connection_parameters
from inference_bridge.rabbitmq.supervise import supervise
from inference_bridge.rabbitmq.topology import Topology
from inference_bridge.spec import ModelSpec

#: KEDA gives the whole call 3 s.
READ_TIMEOUT_S = 1.5


class AmqpDepthReader:
    """Reads how many messages wait; any node can answer, because it asks the queue's leader.

    Args:
        url: `amqp://` or `amqps://`.
        spec: the model.
        topology: its queues.
    """

    def __init__(self, url: str, *, spec: ModelSpec, topology: Topology) -> None:
        self._parameters = connection_parameters(url, name=f"{spec.name} api, depth")
        self._topology = topology
        self._connection: Connection | None = None

    async def run(self) -> None:
        """Stay connected until cancelled."""
        await supervise(self._parameters, self._session)

    async def read(self) -> Depths:
        """Return how many messages wait in each queue.

        Raises:
            BrokerUnavailable: RabbitMQ is away or silent, has no such queues, or the user may not see them.
        """
        if self._connection is None:
            raise BrokerUnavailable("RabbitMQ is away, so the number of waiting jobs is unknown; try again later")
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                return await self._ask(self._connection)
        except ChannelClosed as error:
            raise BrokerUnavailable(
                f"RabbitMQ does not say how many jobs wait ({error.reply_text}); see docs/security.md for the rights"
            ) from error
        except (AMQPError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise BrokerUnavailable(f"RabbitMQ did not say how many jobs wait ({reason}); try again later") from error

    async def _ask(self, connection: Connection) -> Depths:
        # A new channel for each call: a refusal closes it, and a late answer cannot reach another call.
        channel = await connection.channel()
        try:
            names = (self._topology.jobs.name, self._topology.retry.name)
            answers = [await channel.call(channel.raw.queue_declare, name, passive=True) for name in names]
        finally:
            if channel.raw.is_open:
                channel.raw.close()
        return Depths(*(int(answer.method.message_count) for answer in answers))

    async def _session(self, connection: Connection) -> None:
        self._connection = connection
        try:
            await asyncio.wait([connection.lost])
        finally:
            self._connection = None
        raise connection.lost.result()
