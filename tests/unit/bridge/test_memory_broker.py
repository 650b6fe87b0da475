"""The stand-in keeps everything in memory, so each of its queues has an end."""

import asyncio

import pytest
from pika import BasicProperties

from inference_bridge.errors import QueueFull
from inference_bridge.inbox import Delivery, Inbox
from inference_bridge.memory.broker import MemoryBroker, MemoryConsumer, Message
from inference_bridge.rabbitmq.topology import DEAD_MAX_LENGTH
from mnist_model.spec import SPEC
from tests.support.sizes import FixedSize

TIMEOUT_S = 10.0


async def take(inbox: Inbox) -> list[Delivery]:
    async with asyncio.timeout(TIMEOUT_S):
        return await inbox.take(FixedSize(64), is_device_free=lambda: True)


async def reject_everything(consumer: MemoryConsumer, inbox: Inbox, count: int) -> None:
    """Reject messages from both lanes until `count` have come."""
    while count > 0:
        deliveries = await take(inbox)
        consumer.settle(deliveries, deliveries)
        count -= len(deliveries)


async def test_the_oldest_dead_letters_go_when_there_are_too_many() -> None:
    broker, inbox = MemoryBroker(SPEC, queue_max_length=2 * DEAD_MAX_LENGTH), Inbox()
    count = DEAD_MAX_LENGTH + 10
    for number in range(count):
        broker.put(Message(BasicProperties(), str(number).encode()))
    consumer = broker.consumer(prefetch=64)
    running = asyncio.create_task(consumer.run(inbox))

    await reject_everything(consumer, inbox, 2 * count)
    running.cancel()

    assert len(broker.dead) == DEAD_MAX_LENGTH
    assert (broker.dead[0].body, broker.dead[-1].body) == (b"10", str(count - 1).encode())


def test_what_waits_in_retry_takes_room_from_new_jobs() -> None:
    broker = MemoryBroker(SPEC, queue_max_length=2)
    broker.retry.append(Message(BasicProperties(), b"suspect"))
    broker.put(Message(BasicProperties(), b"job"))

    with pytest.raises(QueueFull):
        broker.put(Message(BasicProperties(), b"one too many"))


def test_a_higher_priority_goes_first_and_equal_ones_keep_their_order() -> None:
    broker = MemoryBroker(SPEC, queue_max_length=10)
    for number, priority in enumerate([1, None, 9, 1, None, 4, 9]):
        broker.put(Message(BasicProperties(priority=priority), str(number).encode()))

    assert b"".join(message.body for message in broker.jobs) == b"2614503"


async def test_a_high_job_behind_5000_low_ones_waits_only_for_those_that_the_consumer_holds() -> None:
    broker, inbox, prefetch = MemoryBroker(SPEC, queue_max_length=10_000), Inbox(), 3 * 64
    for _ in range(5_000):
        broker.put(Message(BasicProperties(priority=1), b"low"))
    consumer = broker.consumer(prefetch=prefetch)
    running = asyncio.create_task(consumer.run(inbox))
    first = await take(inbox)
    broker.put(Message(BasicProperties(priority=9), b"high"))
    consumer.settle(first)
    before = len(first)
    while (batch := await take(inbox)) and not any(delivery.body == b"high" for delivery in batch):
        consumer.settle(batch)
        before += len(batch)
    running.cancel()

    assert before <= prefetch
