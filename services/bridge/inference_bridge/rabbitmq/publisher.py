"""Publishes jobs and waits for the broker's confirm; a client gets its id only after `publish` has returned."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from pika.exceptions import AMQPError
from pika.spec import Basic, BasicProperties

from inference_bridge.depths import OnLook, ignore_look
from inference_bridge.errors import BrokerUnavailable, InputTooLarge, QueueFull
from inference_bridge.jobs import Job
from inference_bridge.rabbitmq.confirms import Confirms, Publish
from inference_bridge.rabbitmq.connection import Channel, Connection
from inference_bridge.rabbitmq.declare import ensure_topology, watch_topology
from inference_bridge.rabbitmq.headroom import Headroom, queue_full
from inference_bridge.rabbitmq.job_sender import JobSender
from inference_bridge.rabbitmq.parameters import connection_parameters
from inference_bridge.rabbitmq.settling import check_settled, wait_until_settled
from inference_bridge.rabbitmq.supervise import supervise
from inference_bridge.rabbitmq.throughput import Throughput
from inference_bridge.rabbitmq.topology import Topology
from inference_bridge.spec import ModelSpec

logger = logging.getLogger(__name__)

#: Seconds between two looks at the depth of the queue, and the shorter interval while headroom is scarce.
DEPTH_INTERVAL_S = 0.5
SOON_S = 0.02
#: Bytes of unconfirmed jobs from which more are refused, whatever their number.
MAX_UNCONFIRMED_BYTES = 67_108_864


class AmqpPublisher:
    """Publishes to RabbitMQ over one connection and one channel, with many confirms outstanding.

    Args:
        url: `amqp://` or `amqps://`.
        spec: the model; its name is the routing key.
        topology: the queues, declared before the first publish.
        publish_timeout_s: seconds that a publish may wait for its confirm.
        max_unconfirmed: most unconfirmed publishes; more are refused.
        settle_s: the queue must have existed for this many seconds, see `settling.py`.
        throughput: of the workers, for the `retry_after_s` of a refusal.
        clock: monotonic seconds.

    Attributes:
        on_look: called at each look at the jobs queue with its waiting jobs and its consumers.
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
        throughput: Throughput,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parameters = connection_parameters(url, name=f"{spec.name} api")
        self._spec = spec
        self._topology = topology
        self._publish_timeout_s = publish_timeout_s
        self._max_unconfirmed = max_unconfirmed
        self._settle_s = settle_s
        self._throughput = throughput
        self._clock = clock
        self.on_look: OnLook = ignore_look
        self._confirms = Confirms()
        self._connection: Connection | None = None
        self._channel: Channel | None = None
        self._sender: JobSender | None = None
        self._headroom = Headroom(topology.jobs.max_length)
        self._is_crowded = asyncio.Event()

    @property
    def is_ready(self) -> bool:
        """Whether the broker would take a job now."""
        is_blocked = self._connection is not None and self._connection.is_blocked
        return self._channel is not None and not is_blocked and not self._is_stalled

    @property
    def _is_stalled(self) -> bool:
        # An overdue confirm reveals a frozen broker long before a missed heartbeat. This ends with the confirm or with
        # a new session: no other state is kept.
        return self._confirms.oldest_age_s(self._clock()) > self._publish_timeout_s

    async def run(self) -> None:
        """Stay connected until cancelled."""
        await supervise(self._parameters, self._session)

    def check_headroom(self, count: int = 1, share: float = 1.0) -> None:
        """Raise the error that `publish` would raise at once, before work is spent on `count` jobs.

        Raise QueueFull, too, if they do not fit into this share of the queue, 0 to 1; InputTooLarge if they never will.
        """
        if not self.is_ready:
            raise BrokerUnavailable("RabbitMQ is away or takes no jobs at the moment; try again later")
        if not self._headroom.is_left(count, share):
            self._is_crowded.set()
            raise self._queue_full(count, share)
        if len(self._confirms) >= self._max_unconfirmed:
            raise QueueFull(f"{self._max_unconfirmed} jobs already wait for RabbitMQ's confirm; try again later")
        if self._confirms.body_bytes >= MAX_UNCONFIRMED_BYTES:
            raise QueueFull(
                f"jobs of {MAX_UNCONFIRMED_BYTES} bytes already wait for RabbitMQ's confirm; try again later"
            )

    async def publish(self, job: Job) -> None:
        """Send the job to the broker; return once it is confirmed, so stored in a durable queue.

        After an error the broker may still hold the job, but no client has its id.

        Raises:
            BrokerUnavailable: RabbitMQ is away or under an alarm, or did not confirm in time.
            QueueFull: the queue, or this process, is full.
        """
        self.check_headroom()
        publish = Publish(job, asyncio.get_running_loop().create_future())
        self._send(publish)
        await self._wait_for_confirm(publish)

    async def flush(self, timeout_s: float) -> None:
        """Wait until every publish is confirmed, at most `timeout_s`."""
        unanswered = [publish.confirmed for publish in self._confirms.list_unanswered()]
        if unanswered:
            await asyncio.wait(unanswered, timeout=timeout_s)

    async def _wait_for_confirm(self, publish: Publish) -> None:
        loop = asyncio.get_running_loop()
        # After a delay the loop runs its timers first (libuv does); two turns later it has also read its sockets.
        timer = loop.call_later(self._publish_timeout_s, loop.call_soon, loop.call_soon, self._time_out, publish)
        try:
            await publish.confirmed
        except QueueFull:
            self._headroom.refuse()
            self._is_crowded.set()
            raise self._queue_full() from None
        finally:
            timer.cancel()

    def _time_out(self, publish: Publish) -> None:
        timeout_s = self._publish_timeout_s
        publish.fail(BrokerUnavailable(f"RabbitMQ did not confirm the job within {timeout_s} s; try again later"))

    def _queue_full(self, count: int = 1, share: float = 1.0) -> QueueFull | InputTooLarge:
        most = int(self._topology.jobs.max_length * share)
        return queue_full(most, count, share, retry_after_s=self._throughput.seconds_for(most))

    async def _session(self, connection: Connection) -> None:
        await ensure_topology(connection, self._topology)
        is_settled = await wait_until_settled(connection, self._topology, settle_s=self._settle_s)
        self._headroom.forget()
        channel = await connection.channel()
        misrouted: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        channel.raw.add_on_return_callback(partial(self._on_return, misrouted))
        await channel.call(channel.raw.confirm_delivery, partial(self._on_confirm, channel))
        looks = await connection.channel()
        watching = [
            asyncio.create_task(self._watch_depth(connection, looks, is_settled)),
            asyncio.create_task(watch_topology(connection, self._topology)),
        ]
        try:
            self._connection, self._channel = connection, channel
            self._sender = JobSender(channel, self._spec, self._topology)
            for publish in self._confirms.restart(self._clock()):
                self._transmit(self._sender, publish)
            logger.info("publisher ready")
            raise await _first(channel.lost, misrouted, *watching)
        finally:
            self._connection = self._channel = self._sender = None
            for watch in watching:
                watch.cancel()

    async def _watch_depth(self, connection: Connection, channel: Channel, is_settled: bool) -> BaseException:
        """Read the depth of the queue repeatedly; return the error that ends the session."""
        moving_s = self._clock()
        while True:
            try:
                # Under an alarm the broker does not read a publishing connection.
                if not connection.is_blocked:
                    await self._look(channel, is_settled)
            except TimeoutError as error:
                if not connection.is_blocked:
                    return error
            except AMQPError as error:
                return error
            if connection.is_blocked or not self._is_stalled:
                moving_s = self._clock()
            elif self._clock() - moving_s > self._publish_timeout_s:
                return BrokerUnavailable("RabbitMQ answers, but confirms nothing")
            await self._until_next_look()

    async def _until_next_look(self) -> None:
        await asyncio.sleep(SOON_S)
        if self._headroom.is_ample:
            with suppress(TimeoutError):
                async with asyncio.timeout(DEPTH_INTERVAL_S):
                    await self._is_crowded.wait()

    async def _look(self, channel: Channel, is_settled: bool) -> None:
        self._is_crowded.clear()
        answer = await channel.call(channel.raw.queue_declare, self._topology.jobs.name, passive=True)
        self._headroom.look(int(answer.method.message_count), unconfirmed=len(self._confirms))
        self.on_look(int(answer.method.message_count), int(answer.method.consumer_count))
        if is_settled:
            await check_settled(channel, self._topology)

    def _send(self, publish: Publish) -> None:
        if self._sender is None or not self._sender.is_open:
            raise BrokerUnavailable("the connection to RabbitMQ was lost just now; try again")
        self._confirms.add(publish, self._clock())
        self._transmit(self._sender, publish)

    def _transmit(self, sender: JobSender, publish: Publish) -> None:
        self._headroom.take()
        if not self._headroom.is_ample:
            self._is_crowded.set()
        sender.send(publish.job)

    def _on_confirm(self, channel: Channel, frame: Any) -> None:
        # Tags of an earlier channel mean other publishes.
        if channel is self._channel:
            self._confirms.settle(frame.method)

    def _on_return(
        self,
        misrouted: asyncio.Future[BaseException],
        _channel: Any,
        method: Basic.Return,
        properties: BasicProperties,
        _body: bytes,
    ) -> None:
        logger.error("message returned as unroutable", extra={"reply": method.reply_text})
        self._confirms.note_return(str(properties.message_id))
        if not misrouted.done():  # the next session declares the missing queue
            misrouted.set_result(BrokerUnavailable("RabbitMQ has no queue bound for this model"))


async def _first(*reasons: asyncio.Future[BaseException]) -> BaseException:
    done, _ = await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
    return done.pop().result()
