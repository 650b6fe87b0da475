"""Publishes requests and waits for the broker's confirm: an id is given out only after `publish` returned."""

import asyncio
import logging
from contextlib import suppress
from functools import partial
from typing import Any

from pika.exceptions import AMQPError
from pika.spec import Basic, BasicProperties

from mnist_bridge.amqp import Channel, Connection, connection_parameters, supervise
from mnist_bridge.confirms import Confirms, Publish
from mnist_bridge.declare import ensure_topology
from mnist_bridge.drain_rate import DrainRate
from mnist_bridge.errors import BrokerUnavailable, QueueFull
from mnist_bridge.requests import InferenceRequest, to_properties
from mnist_bridge.room import Room
from mnist_bridge.spec import ModelSpec
from mnist_bridge.topology import Topology

logger = logging.getLogger(__name__)

#: How often the depth of the queue is looked at, and how soon again when there seems to be no room.
DEPTH_INTERVAL_S = 0.5
SOON_S = 0.02


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
        drain_rate: how fast the workers are, so that a refusal can say when to come back.
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
        drain_rate: DrainRate,
    ) -> None:
        self._parameters = connection_parameters(url, name=f"{spec.name} api")
        self._spec = spec
        self._topology = topology
        self._publish_timeout_s = publish_timeout_s
        self._max_unconfirmed = max_unconfirmed
        self._settle_s = settle_s
        self._drain_rate = drain_rate
        self._confirms = Confirms()
        self._connection: Connection | None = None
        self._channel: Channel | None = None
        # Set by a confirm that came too late; a frozen broker is noticed long before its heartbeat is missed.
        self._is_stalled = False
        self._room = Room(topology.jobs.max_length)
        self._is_crowded = asyncio.Event()

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
        if not self._room.is_left:
            self._is_crowded.set()
            raise self._queue_full()
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
        except QueueFull:
            self._room.refuse()
            self._is_crowded.set()
            raise self._queue_full() from None
        except TimeoutError:
            self._is_stalled = self._channel is not None
            raise BrokerUnavailable(
                f"RabbitMQ did not confirm the job within {self._publish_timeout_s} s; try again later"
            ) from None

    def _queue_full(self) -> QueueFull:
        most = self._topology.jobs.max_length
        return QueueFull(
            f"the queue holds {most} jobs, all it may; try again later",
            retry_after_s=self._drain_rate.seconds_for(most),
        )

    async def _session(self, connection: Connection) -> None:
        if await ensure_topology(connection, self._topology):
            await asyncio.wait([connection.lost], timeout=self._settle_s)
        self._room.forget()
        channel = await connection.channel()
        misrouted: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        channel.raw.add_on_return_callback(partial(self._on_return, misrouted))
        await channel.call(channel.raw.confirm_delivery, partial(self._on_confirm, channel))
        watching = asyncio.create_task(self._watch_depth(connection, await connection.channel()))
        self._connection, self._channel, self._is_stalled = connection, channel, False
        for publish in self._confirms.restart():
            self._send(publish)
        logger.info("publisher ready")
        try:
            raise await _first(channel.lost, misrouted, watching)
        finally:
            self._connection = self._channel = None
            watching.cancel()

    async def _watch_depth(self, connection: Connection, channel: Channel) -> BaseException:
        """Look at the queue until it, or the broker, does not answer; return the reason."""
        while True:
            try:
                # Under an alarm the broker reads nothing from a connection that publishes.
                if not connection.is_blocked:
                    await self._look(channel)
            except TimeoutError as error:
                if not connection.is_blocked:
                    return error
            except AMQPError as error:
                return error
            await asyncio.sleep(SOON_S)
            if self._room.is_ample:
                with suppress(TimeoutError):
                    async with asyncio.timeout(DEPTH_INTERVAL_S):
                        await self._is_crowded.wait()

    async def _look(self, channel: Channel) -> None:
        self._is_crowded.clear()
        answer = await channel.call(channel.raw.queue_declare, self._topology.jobs.name, passive=True)
        self._room.look(int(answer.method.message_count), unconfirmed=len(self._confirms))

    def _send(self, publish: Publish) -> None:
        if self._channel is None or not self._channel.raw.is_open:
            raise BrokerUnavailable("the connection to RabbitMQ was lost just now; try again")
        self._confirms.add(publish)
        self._room.take()
        if not self._room.is_ample:
            self._is_crowded.set()
        self._channel.raw.basic_publish(
            self._topology.exchange,
            self._topology.routing_key,
            publish.request.body,
            to_properties(publish.request, self._spec),
            mandatory=True,
        )

    def _on_confirm(self, channel: Channel, frame: Any) -> None:
        if channel is not self._channel:
            return  # of a connection that was given up: the tags count something else now
        self._is_stalled = False
        method = frame.method
        settle = self._confirms.ack if isinstance(method, Basic.Ack) else self._confirms.nack
        settle(method.delivery_tag, multiple=method.multiple)

    def _on_return(
        self,
        misrouted: asyncio.Future[BaseException],
        _channel: Any,
        method: Basic.Return,
        properties: BasicProperties,
        _body: bytes,
    ) -> None:
        logger.error("message returned as unroutable", extra={"reply": method.reply_text})
        self._confirms.mark_returned(str(properties.message_id))
        if not misrouted.done():  # the next session declares what is missing
            misrouted.set_result(BrokerUnavailable("RabbitMQ has no queue bound for this model"))


async def _first(*reasons: asyncio.Future[BaseException]) -> BaseException:
    done, _ = await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
    return done.pop().result()
