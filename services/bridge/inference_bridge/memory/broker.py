"""A broker in memory behind the interfaces of `contract`, for the embedded service and for unit tests.

It ends with the process. Like RabbitMQ 4.3 it has three queues, prefetch, delivery counts, requeueing and strict
priorities. A full jobs queue, which here counts the retry queue too, refuses messages; a full dead queue drops its
oldest message.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence

from inference_bridge.depths import Depths, OnLook, ignore_look
from inference_bridge.inbox import Delivery, Inbox, Lane
from inference_bridge.jobs import Job, to_properties
from inference_bridge.memory.messages import MemorySource, Message
from inference_bridge.rabbitmq.consumer import SUSPECT_DELIVERY_COUNT
from inference_bridge.rabbitmq.headroom import queue_full
from inference_bridge.rabbitmq.topology import DEAD_MAX_LENGTH
from inference_bridge.spec import ModelSpec

#: Seconds between two looks at the queue.
LOOK_INTERVAL_S = 0.5


class MemoryBroker:
    """The queues `jobs`, `retry` and `dead` of one model."""

    def __init__(self, spec: ModelSpec, *, queue_max_length: int) -> None:
        self._spec = spec
        self._queue_max_length = queue_max_length
        self._consumers: list[MemoryConsumer] = []
        self.jobs: deque[Message] = deque()
        self.retry: deque[Message] = deque()
        self.dead: deque[Message] = deque(maxlen=DEAD_MAX_LENGTH)

    @property
    def consumer_count(self) -> int:
        """How many consumers get deliveries."""
        return len(self._consumers)

    def publisher(self) -> "MemoryPublisher":
        """Return a publisher to the jobs queue."""
        return MemoryPublisher(self, self._spec)

    def depth_reader(self) -> "MemoryDepthReader":
        """Return a reader of the queues' depths."""
        return MemoryDepthReader(self)

    def consumer(self, *, prefetch: int) -> "MemoryConsumer":
        """Return a consumer of the queues `jobs` and `retry`."""
        return MemoryConsumer(self, prefetch=prefetch)

    def put(self, message: Message) -> None:
        """Add a message to the jobs queue.

        Raises:
            QueueFull: the queue is full.
        """
        self.check_headroom()
        place = len(self.jobs)
        while place and self.jobs[place - 1].priority < message.priority:
            place -= 1
        self.jobs.insert(place, message)
        self.deliver()

    def check_headroom(self, count: int = 1, share: float = 1.0) -> None:
        """Raise QueueFull when `count` more messages in `jobs` and `retry` exceed this share of the queue."""
        if len(self.jobs) + len(self.retry) + count > self._queue_max_length * share:
            raise queue_full(int(self._queue_max_length * share), count, share)

    def attach(self, consumer: "MemoryConsumer") -> None:
        """Start deliveries to a consumer."""
        self._consumers.append(consumer)
        self.deliver()

    def detach(self, consumer: "MemoryConsumer") -> None:
        """Stop deliveries to a consumer; it keeps its unsettled messages."""
        if consumer in self._consumers:
            self._consumers.remove(consumer)

    def deliver(self) -> None:
        """Deliver waiting messages to the consumers in turn, up to each prefetch."""
        served = True
        while served:
            served = sum(consumer.receive_one() for consumer in self._consumers) > 0


class MemoryPublisher:
    """Publishes to a `MemoryBroker`."""

    is_ready = True

    def __init__(self, broker: MemoryBroker, spec: ModelSpec) -> None:
        self._broker = broker
        self._spec = spec
        self.on_look: OnLook = ignore_look

    async def run(self) -> None:
        """Look at the queue until cancelled; there is no connection to keep."""
        while True:
            self.on_look(len(self._broker.jobs), self._broker.consumer_count)
            await asyncio.sleep(LOOK_INTERVAL_S)

    def check_headroom(self, count: int = 1, share: float = 1.0) -> None:
        """Raise QueueFull when `count` more jobs exceed this share of the queue."""
        self._broker.check_headroom(count, share)

    async def publish(self, job: Job) -> None:
        """Put the job into the jobs queue; raise QueueFull when the queue is full."""
        self._broker.put(Message(to_properties(job, self._spec), job.body))

    async def flush(self, timeout_s: float) -> None:
        """Return at once: every publish is confirmed at once."""


class MemoryDepthReader:
    """Reads the depth of the queues of a `MemoryBroker`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def run(self) -> None:
        """Wait until cancelled; there is no connection to keep."""
        await asyncio.get_running_loop().create_future()

    async def read(self) -> Depths:
        """Return how many messages wait in each queue."""
        return Depths(jobs=len(self._broker.jobs), suspects=len(self._broker.retry))


class MemoryConsumer:
    """Consumes from a `MemoryBroker`.

    Attributes:
        sources: the queues `jobs` and `retry` as this consumer sees them, with the messages that it holds.
    """

    def __init__(self, broker: MemoryBroker, *, prefetch: int) -> None:
        self._broker = broker
        self.sources = (MemorySource(Lane.JOBS, prefetch), MemorySource(Lane.RETRY, 1))
        self._inbox: Inbox | None = None
        self._is_canceled = False

    @property
    def is_ready(self) -> bool:
        """Whether the broker delivers messages to this consumer."""
        return self._inbox is not None and not self._is_canceled

    @property
    def prefetch(self) -> int:
        """Unsettled jobs that this consumer may hold."""
        return self.sources[0].prefetch

    async def change_prefetch(self, prefetch: int) -> None:
        """Hold at most `prefetch` jobs from now on."""
        self.sources[0].prefetch = prefetch
        self._broker.deliver()

    def requeue(self, deliveries: Sequence[Delivery]) -> None:
        """Return these jobs to their queue, so that another consumer gets them."""
        for delivery in deliveries:
            source = delivery.source
            if isinstance(source, MemorySource) and not source.is_lost:
                message = source.unsettled.pop(delivery.tag)
                message.is_redelivered = True
                self._broker.jobs.appendleft(message)
        self._broker.deliver()

    async def run(self, inbox: Inbox) -> None:
        """Fill the inbox until cancelled; the unsettled messages are then requeued as suspects."""
        self._inbox = inbox
        if not self._is_canceled:
            self._broker.attach(self)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._broker.detach(self)
            self.lose_connection()
            self._inbox = None

    def lose_connection(self) -> None:
        """Return everything unsettled as suspect, as RabbitMQ does, and go on as with a new connection."""
        self._return_unsettled(failures=1)
        for source in self.sources:
            source.is_lost = True
        self.sources = (MemorySource(Lane.JOBS, self.prefetch), MemorySource(Lane.RETRY, 1))
        if self._inbox is not None:
            self._inbox.clear()
        self._broker.deliver()

    def settle(self, deliveries: Sequence[Delivery], rejected: Collection[Delivery] = ()) -> None:
        """Reject `rejected`, which moves them to the next queue; acknowledge the rest."""
        source = deliveries[0].source
        if not isinstance(source, MemorySource) or source.is_lost:
            return
        target = self._broker.retry if source.lane is Lane.JOBS else self._broker.dead
        for delivery in deliveries:
            message = source.unsettled.pop(delivery.tag, None)
            if message is not None and delivery in rejected:
                target.append(Message(message.properties, message.body))
        self._broker.deliver()

    async def cancel(self) -> None:
        """Stop deliveries."""
        self._is_canceled = True
        self._broker.detach(self)

    def requeue_all(self) -> None:
        """Return every unsettled message to its queue; none becomes a suspect."""
        self._return_unsettled(failures=0)
        self._broker.deliver()

    def receive_one(self) -> bool:
        """Take one message, if the prefetch allows it; return whether there was one."""
        for source, queue in zip(self.sources, (self._broker.jobs, self._broker.retry), strict=True):
            if queue and len(source.unsettled) < source.prefetch:
                self._receive(source, queue.popleft())
                return True
        return False

    def _receive(self, source: MemorySource, message: Message) -> None:
        if source.lane is Lane.JOBS and message.delivery_count >= SUSPECT_DELIVERY_COUNT:
            self._broker.retry.append(Message(message.properties, message.body))
            return
        tag, source.next_tag = source.next_tag, source.next_tag + 1
        source.unsettled[tag] = message
        if self._inbox is not None:
            self._inbox.put(
                Delivery(source.lane, tag, message.is_redelivered, message.properties, message.body, source)
            )

    def _return_unsettled(self, *, failures: int) -> None:
        for source, queue in zip(self.sources, (self._broker.jobs, self._broker.retry), strict=True):
            for message in reversed(source.unsettled.values()):
                message.delivery_count += failures
                message.is_redelivered = True
                queue.appendleft(message)
            source.unsettled.clear()
