"""Publishes requests and waits for the broker's confirm: an id is given out only after `publish` returned."""

import asyncio
import logging
from typing import Any

from pika.spec import Basic, BasicProperties

from mnist_bridge.amqp import Channel, Connection, connection_parameters, supervise
from mnist_bridge.confirms import Confirms, Publish
from mnist_bridge.declare import ensure_topology
from mnist_bridge.errors import BrokerUnavailable, QueueFull
from mnist_bridge.requests import InferenceRequest, to_properties
from mnist_bridge.spec import ModelSpec
from mnist_bridge.topology import Topology

logger = logging.getLogger(__name__)


class AmqpPublisher:
    """The publishing side of RabbitMQ: one connection, one channel, confirms in flight.

    Args:
        url: `amqp://` or `amqps://`.
        spec: the model; its name is the routing key.
        topology: what to declare before the first publish.
        publish_timeout_s: how long a publish may wait for its confirm.
        max_unconfirmed: publishes in flight, above which more are refused.
        settle_s: a queue that was just created takes jobs only after this many seconds; before, a hard kill of
            RabbitMQ may forget the queue and all it holds (seen on 4.3.6).
    """

    def __init__(
        self,
        url: str,
        *,
        spec: ModelSpec,
        topology: Topology,
        publish_timeout_s: float,
        max_unconfirmed: int,
        settle_s: float,
    ) -> None:
        self._parameters = connection_parameters(url, name=f"{spec.name} api")
        self._spec = spec
        self._topology = topology
        self._publish_timeout_s = publish_timeout_s
        self._max_unconfirmed = max_unconfirmed
        self._settle_s = settle_s
        self._confirms = Confirms()
        self._connection: Connection | None = None
        self._channel: Channel | None = None
        # Set by a confirm that came too late; a frozen broker is noticed long before its heartbeat is missed.
        self._is_stalled = False

    @property
    def is_ready(self) -> bool:
        """Whether a publish made now would reach a broker that takes it."""
        is_blocked = self._connection is not None and self._connection.is_blocked
        return self._channel is not None and not is_blocked and not self._is_stalled

    async def run(self) -> None:
        """Stay connected until cancelled."""
        await supervise(self._parameters, self._session)

    def admit(self) -> None:
        """Raise what `publish` would raise at once, so that no work is spent on a request that is refused."""
        if not self.is_ready:
            raise BrokerUnavailable("RabbitMQ is away or takes no jobs at the moment; try again later")
        if len(self._confirms) >= self._max_unconfirmed:
            raise QueueFull(f"{self._max_unconfirmed} jobs already wait for RabbitMQ's confirm; try again later")

    async def publish(self, request: InferenceRequest) -> None:
        """Hand the request to the broker; return once it is confirmed: stored in a durable queue.

        After an error the broker may hold the request all the same: nobody has its id then.

        Raises:
            BrokerUnavailable: away, under alarm, or no confirm in time.
            QueueFull: the queue, or this process, holds all it may.
        """
        self.admit()
        publish = Publish(request, asyncio.get_running_loop().create_future())
        self._send(publish)
        await self._confirmed(publish)

    async def drain(self, timeout_s: float) -> None:
        """Wait at most `timeout_s` until nothing is outstanding."""
        unanswered = [publish.confirmed for publish in self._confirms.unanswered()]
        if unanswered:
            await asyncio.wait(unanswered, timeout=timeout_s)

    async def _confirmed(self, publish: Publish) -> None:
        try:
            async with asyncio.timeout(self._publish_timeout_s):
                await publish.confirmed
        except TimeoutError:
            self._is_stalled = self._channel is not None
            raise BrokerUnavailable(
                f"RabbitMQ did not confirm the job within {self._publish_timeout_s} s; try again later"
            ) from None

    async def _session(self, connection: Connection) -> None:
        if await ensure_topology(connection, self._topology):
            await asyncio.wait([connection.lost], timeout=self._settle_s)
        channel = await connection.channel()
        channel.raw.add_on_return_callback(self._on_return)
        await channel.call(channel.raw.confirm_delivery, self._on_confirm)
        self._connection, self._channel, self._is_stalled = connection, channel, False
        for publish in self._confirms.restart():
            self._send(publish)
        logger.info("publisher ready")
        try:
            raise await asyncio.shield(channel.lost)
        finally:
            self._connection = self._channel = None

    def _send(self, publish: Publish) -> None:
        if self._channel is None or not self._channel.raw.is_open:
            raise BrokerUnavailable("the connection to RabbitMQ was lost just now; try again")
        self._confirms.add(publish)
        self._channel.raw.basic_publish(
            self._topology.exchange,
            self._topology.routing_key,
            publish.request.body,
            to_properties(publish.request, self._spec),
            mandatory=True,
        )

    def _on_confirm(self, frame: Any) -> None:
        self._is_stalled = False
        method = frame.method
        settle = self._confirms.ack if isinstance(method, Basic.Ack) else self._confirms.nack
        settle(method.delivery_tag, multiple=method.multiple)

    def _on_return(self, _channel: Any, method: Basic.Return, properties: BasicProperties, _body: bytes) -> None:
        logger.error("message returned as unroutable", extra={"reply": method.reply_text})
        self._confirms.mark_returned(str(properties.message_id))
