"""Consumes the jobs and retry queues into an inbox, and settles deliveries in the ways that are allowed.

A delivery is acknowledged or rejected after its result is stored, or handed back. Nothing is published: a rejected
message moves on to the next queue by dead-lettering.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from pika.exceptions import AMQPError
from pika.spec import Basic, BasicProperties

from inference_bridge.inbox import Delivery, Inbox, Lane
from inference_bridge.rabbitmq.connection import Channel, Connection
from inference_bridge.rabbitmq.declare import ensure_topology
from inference_bridge.rabbitmq.parameters import connection_parameters
from inference_bridge.rabbitmq.supervise import supervise
from inference_bridge.rabbitmq.topology import Topology
from inference_bridge.rabbitmq.x_death import breaks_dead_lettering
from inference_bridge.spec import ModelSpec

logger = logging.getLogger(__name__)

#: Failed deliveries of a message, from which on it is a suspect. Not the flag `redelivered`: a harmless hand-back
#: sets that too.
SUSPECT_DELIVERY_COUNT = 1
_SOLO_PREFETCH = 1


class Subscription:
    """One queue's consumer on a channel of its own; the `source` of its deliveries."""

    def __init__(self, channel: Channel, lane: Lane) -> None:
        self.lane = lane
        self._channel = channel
        self._consumer_tag: str | None = None
        self._restart: Callable[[int], Awaitable[None]]

    @property
    def is_lost(self) -> bool:
        """Whether the channel is closed, so that the broker has taken back what was not settled."""
        return self._channel.lost.done() or not self._channel.raw.is_open

    async def start(self, queue: str, prefetch: int, on_message: Callable[..., None]) -> None:
        """Receive at most `prefetch` unsettled messages at a time; `on_message` as in pika."""
        raw = self._channel.raw
        await self._channel.call(raw.basic_qos, prefetch_count=prefetch)
        answer = await self._channel.call(raw.basic_consume, queue, on_message)
        self._consumer_tag = answer.method.consumer_tag
        self._restart = partial(self.start, queue, on_message=on_message)

    async def change_prefetch(self, prefetch: int) -> None:
        """Receive at most `prefetch` unsettled messages from now on, beside those that were received before.

        To a consumer that exists another prefetch means nothing (seen on 3.10 and 4.3), so it is replaced by a new one.
        """
        await self._channel.call(self._channel.raw.basic_cancel, self._consumer_tag)
        await self._restart(prefetch)

    async def cancel(self) -> None:
        """Receive nothing new; what was received can still be settled."""
        if self._consumer_tag is not None and not self.is_lost:
            with suppress(AMQPError, TimeoutError):
                await self._channel.call(self._channel.raw.basic_cancel, self._consumer_tag)

    def reject(self, tag: int) -> None:
        """Move a message on to the next queue."""
        self._channel.raw.basic_reject(tag, requeue=False)

    def ack(self, last_tag: int) -> None:
        """Acknowledge every unsettled message up to `last_tag`."""
        self._channel.raw.basic_ack(last_tag, multiple=True)

    def requeue(self, tag: int) -> None:
        """Return one message, for whoever can start it sooner."""
        self._channel.raw.basic_nack(tag, requeue=True)

    async def close(self) -> None:
        """Close the channel, and so end the session; what was not settled returns."""
        await self._channel.close()

    def requeue_all(self) -> None:
        """Return every unsettled message; a nack, unlike a close, makes none of them a suspect (RabbitMQ 4.3)."""
        if not self.is_lost:
            self._channel.raw.basic_nack(0, multiple=True, requeue=True)


class AmqpConsumer:
    """The consuming side of RabbitMQ: one connection, a channel per lane.

    Args:
        url: `amqp://` or `amqps://`.
        spec: the model whose queues are consumed.
        topology: what to declare before consuming.
        prefetch: unsettled messages of the jobs queue that this worker may hold at first.
    """

    def __init__(self, url: str, *, spec: ModelSpec, topology: Topology, prefetch: int) -> None:
        self._parameters = connection_parameters(url, name=f"{spec.name} worker")
        self._topology = topology
        self._prefetch = prefetch
        self._subscriptions: list[Subscription] = []
        self._is_canceled = False

    @property
    def is_ready(self) -> bool:
        """Whether messages would arrive if there were any."""
        return bool(self._subscriptions) and not any(source.is_lost for source in self._subscriptions)

    @property
    def prefetch(self) -> int:
        """Unsettled messages of the jobs queue that this worker may hold."""
        return self._prefetch

    async def run(self, inbox: Inbox) -> None:
        """Fill the inbox until cancelled; reconnect when the connection is lost."""
        await supervise(self._parameters, lambda connection: self._session(connection, inbox))

    def settle(self, deliveries: Sequence[Delivery], rejected: Collection[Delivery] = ()) -> None:
        """Settle a whole batch whose results are stored: reject `rejected`, acknowledge the rest.

        Batches of a lane must come in order of arrival: one acknowledgement covers all that came before. Does
        nothing when the connection they came by is lost: the broker has them back and delivers them again.
        """
        source = deliveries[0].source
        if not isinstance(source, Subscription) or source.is_lost:
            return
        for delivery in rejected:
            source.reject(delivery.tag)
        done = [delivery.tag for delivery in deliveries if delivery not in rejected]
        if done:
            source.ack(done[-1])

    async def change_prefetch(self, prefetch: int) -> None:
        """Hold at most so many messages of the jobs queue from now on."""
        self._prefetch = prefetch
        if not self.is_ready or self._is_canceled:
            return  # the next session starts with it
        jobs = self._subscriptions[0]
        try:
            await jobs.change_prefetch(prefetch)
        except (AMQPError, TimeoutError) as error:
            logger.warning("prefetch not changed", extra={"reason": str(error)})
            await jobs.close()  # it may be without a consumer: the next session starts one
        else:
            if self._is_canceled:  # meanwhile
                await jobs.cancel()

    def requeue(self, deliveries: Sequence[Delivery]) -> None:
        """Return messages that wait, so that another worker can start them; order of arrival does not matter."""
        for delivery in deliveries:
            source = delivery.source
            if isinstance(source, Subscription) and not source.is_lost:
                source.requeue(delivery.tag)

    async def cancel(self) -> None:
        """Take nothing new from the broker."""
        self._is_canceled = True
        await asyncio.gather(*(subscription.cancel() for subscription in self._subscriptions))

    def requeue_all(self) -> None:
        """Return everything unsettled to the broker; call after `cancel`, before the connection is closed."""
        for subscription in self._subscriptions:
            subscription.requeue_all()

    async def _session(self, connection: Connection, inbox: Inbox) -> None:
        await ensure_topology(connection, self._topology)
        channels = [await connection.channel(), await connection.channel()]
        jobs, retry = Subscription(channels[0], Lane.JOBS), Subscription(channels[1], Lane.RETRY)
        try:
            await jobs.start(self._topology.jobs.name, self._prefetch, _receiver(jobs, inbox))
            await retry.start(self._topology.retry.name, _SOLO_PREFETCH, _receiver(retry, inbox))
            self._subscriptions = [jobs, retry]
            if self._is_canceled:  # while we subscribed
                await self.cancel()
            logger.info("consumer ready", extra={"prefetch": self._prefetch})
            await asyncio.wait([channel.lost for channel in channels], return_when=asyncio.FIRST_COMPLETED)
            raise next(channel.lost.result() for channel in channels if channel.lost.done())
        finally:
            self._subscriptions = []
            inbox.clear()


def _receiver(subscription: Subscription, inbox: Inbox) -> Callable[..., None]:
    def on_message(_channel: Any, method: Basic.Deliver, properties: BasicProperties, body: bytes) -> None:
        tag = int(method.delivery_tag or 0)
        is_suspect = subscription.lane is Lane.JOBS and _delivery_count(properties) >= SUSPECT_DELIVERY_COUNT
        if is_suspect and not breaks_dead_lettering(properties):
            subscription.reject(tag)
            return
        inbox.put(Delivery(subscription.lane, tag, bool(method.redelivered), properties, body, subscription))

    return on_message


def _delivery_count(properties: BasicProperties) -> int:
    count = (properties.headers or {}).get("x-delivery-count", 0)
    # A stranger may publish any value under this name; the broker overwrites it from the second delivery on.
    return int(count) if isinstance(count, int) else 0
