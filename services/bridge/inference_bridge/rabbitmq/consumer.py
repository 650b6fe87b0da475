"""Consumes the queues `jobs` and `retry` into an inbox, and settles the deliveries.

The worker acknowledges or rejects a delivery after its result is stored, or requeues it. It publishes nothing:
RabbitMQ dead-letters a rejected message to the next queue.
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

#: Failed deliveries that make a message a suspect. The flag `redelivered` would not do: a requeue sets it too.
SUSPECT_DELIVERY_COUNT = 1
_SOLO_PREFETCH = 1


class Subscription:
    """A consumer of one queue on its own channel; the `source` of its deliveries."""

    def __init__(self, channel: Channel, lane: Lane) -> None:
        self.lane = lane
        self._channel = channel
        self._consumer_tag: str | None = None
        self._restart: Callable[[int], Awaitable[None]]

    @property
    def is_lost(self) -> bool:
        """Whether the channel is closed; the broker has then requeued the unsettled messages."""
        return self._channel.lost.done() or not self._channel.raw.is_open

    async def start(self, queue: str, prefetch: int, on_message: Callable[..., None]) -> None:
        """Receive at most `prefetch` unsettled messages at a time; `on_message` as in pika."""
        raw = self._channel.raw
        await self._channel.call(raw.basic_qos, prefetch_count=prefetch)
        answer = await self._channel.call(raw.basic_consume, queue, on_message)
        self._consumer_tag = answer.method.consumer_tag
        self._restart = partial(self.start, queue, on_message=on_message)

    async def change_prefetch(self, prefetch: int) -> None:
        """Receive at most `prefetch` unsettled messages from now on; messages received earlier do not count.

        An existing consumer keeps its prefetch (seen on 3.10 and 4.3), so a new consumer replaces it.
        """
        await self._channel.call(self._channel.raw.basic_cancel, self._consumer_tag)
        await self._restart(prefetch)

    async def cancel(self) -> None:
        """Stop deliveries; received messages can still be settled."""
        if self._consumer_tag is not None and not self.is_lost:
            with suppress(AMQPError, TimeoutError):
                await self._channel.call(self._channel.raw.basic_cancel, self._consumer_tag)

    def reject(self, tag: int) -> None:
        """Reject a message, which moves it to the next queue."""
        self._channel.raw.basic_reject(tag, requeue=False)

    def ack(self, last_tag: int) -> None:
        """Acknowledge every unsettled message up to `last_tag`."""
        self._channel.raw.basic_ack(last_tag, multiple=True)

    def requeue(self, tag: int) -> None:
        """Return one message to its queue."""
        self._channel.raw.basic_nack(tag, requeue=True)

    async def close(self) -> None:
        """Close the channel, which ends the session; the broker requeues the unsettled messages."""
        await self._channel.close()

    def requeue_all(self) -> None:
        """Return every unsettled message to its queue.

        Unlike a closed channel, a nack makes no suspects (RabbitMQ 4.3).
        """
        if not self.is_lost:
            self._channel.raw.basic_nack(0, multiple=True, requeue=True)


class AmqpConsumer:
    """Consumes from RabbitMQ over one connection, with a channel for each lane.

    Args:
        url: `amqp://` or `amqps://`.
        spec: the model; its queues are consumed.
        topology: the queues, declared before consuming.
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
        """Whether the broker delivers messages to this consumer."""
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

        The batches of a lane must come in order of arrival, because an acknowledgement covers all earlier messages.
        After a lost connection this does nothing: the broker has requeued the messages.
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
        """Hold at most `prefetch` messages of the jobs queue from now on."""
        self._prefetch = prefetch
        if not self.is_ready or self._is_canceled:
            return  # the next session uses it
        jobs = self._subscriptions[0]
        try:
            await jobs.change_prefetch(prefetch)
        except (AMQPError, TimeoutError) as error:
            logger.warning("prefetch not changed", extra={"reason": str(error)})
            await jobs.close()  # the consumer may be gone; the next session starts a new one
        else:
            if self._is_canceled:  # during the change
                await jobs.cancel()

    def requeue(self, deliveries: Sequence[Delivery]) -> None:
        """Return these messages to their queue, in any order, so that another worker can start them."""
        for delivery in deliveries:
            source = delivery.source
            if isinstance(source, Subscription) and not source.is_lost:
                source.requeue(delivery.tag)

    async def cancel(self) -> None:
        """Stop deliveries."""
        self._is_canceled = True
        await asyncio.gather(*(subscription.cancel() for subscription in self._subscriptions))

    def requeue_all(self) -> None:
        """Return every unsettled message to its queue; call after `cancel`, before the connection is closed."""
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
            if self._is_canceled:  # during the subscription
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
    # A foreign message may hold any value here; the broker overwrites it from the second delivery on.
    return int(count) if isinstance(count, int) else 0
