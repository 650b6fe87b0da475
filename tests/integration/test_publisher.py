"""The publisher and a queue that is full, or gone."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import pytest
from pika.channel import Channel
from pika.frame import Method
from pika.spec import Basic
from uvloop import new_event_loop

from inference_bridge.errors import QueueFull, Unavailable
from inference_bridge.jobs import Job
from inference_bridge.rabbitmq.connection import Connection
from inference_bridge.rabbitmq.parameters import connection_parameters
from inference_bridge.rabbitmq.publisher import MAX_UNCONFIRMED_BYTES, AmqpPublisher
from inference_bridge.rabbitmq.throughput import Throughput
from inference_bridge.rabbitmq.topology import Topology, topology_for
from tests.integration.conftest import TIMEOUT_S
from tests.integration.publishing import publisher_to
from tests.support.servers import RabbitMQ
from tests.support.specs import small_spec
from tests.support.waiting import until

SPEC = small_spec()
QUEUE_MAX_LENGTH = 5
REQUEST = Job("A" * 24, bytes(4), 1, 2)


@pytest.fixture
def topology() -> Topology:
    return topology_for(SPEC, queue_max_length=QUEUE_MAX_LENGTH)


@pytest.fixture
async def owner(rabbitmq: RabbitMQ) -> AsyncIterator[Connection]:
    """A connection with every right."""
    async with Connection(connection_parameters(rabbitmq.url, name="owner")) as connection:
        yield connection


@pytest.fixture
def throughput() -> Throughput:
    return Throughput()


@pytest.fixture
async def publisher(rabbitmq: RabbitMQ, topology: Topology, throughput: Throughput) -> AsyncIterator[AmqpPublisher]:
    publisher = publisher_to(rabbitmq.url, SPEC, topology, throughput=throughput)
    running = asyncio.create_task(publisher.run())
    await until(lambda: publisher.is_ready, TIMEOUT_S)
    yield publisher
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def fill(publisher: AmqpPublisher) -> QueueFull:
    """Publish until the queue takes no more; return the refusal."""
    while True:
        try:
            await publisher.publish(REQUEST)
        except QueueFull as refusal:
            return refusal


async def publish_at_last(publisher: AmqpPublisher) -> None:
    """Publish as soon as it is possible again."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            try:
                return await publisher.publish(REQUEST)
            except Unavailable:
                await asyncio.sleep(0.05)


async def empty(owner: Connection, topology: Topology) -> None:
    channel = await owner.channel()
    await channel.call(channel.raw.queue_purge, topology.jobs.name)
    await channel.close()


async def test_a_full_queue_refuses_at_once_until_it_was_seen_to_have_room(
    publisher: AmqpPublisher, owner: Connection, topology: Topology
) -> None:
    await fill(publisher)

    with pytest.raises(QueueFull):
        publisher.check_headroom()
    await empty(owner, topology)

    def has_room() -> bool:
        try:
            publisher.check_headroom()
        except QueueFull:
            return False
        return True

    await until(has_room, TIMEOUT_S)
    await publisher.publish(REQUEST)
    await empty(owner, topology)


async def test_large_jobs_are_refused_while_as_many_bytes_wait_for_their_confirm(
    publisher: AmqpPublisher, owner: Connection, topology: Topology
) -> None:
    large = Job("B" * 24, bytes(MAX_UNCONFIRMED_BYTES // 4), 1, 2)

    outcomes = await asyncio.gather(*(publisher.publish(large) for _ in range(5)), return_exceptions=True)

    assert [str(outcome) for outcome in outcomes if outcome is not None] == [
        "jobs of 67108864 bytes already wait for RabbitMQ's confirm; try again later"
    ]
    await publisher.publish(REQUEST)
    await empty(owner, topology)


async def test_a_refusal_says_when_the_queue_will_be_drained(
    publisher: AmqpPublisher, owner: Connection, topology: Topology, throughput: Throughput
) -> None:
    throughput.add(1)

    refusal = await fill(publisher)

    assert refusal.retry_after_s >= QUEUE_MAX_LENGTH
    await empty(owner, topology)


async def test_a_deleted_queue_is_declared_again_though_there_is_no_worker(
    publisher: AmqpPublisher, owner: Connection, topology: Topology
) -> None:
    channel = await owner.channel()
    await channel.call(channel.raw.queue_delete, topology.jobs.name)

    await publish_at_last(publisher)
    await empty(owner, topology)


async def test_a_message_that_was_returned_makes_the_binding_come_back(
    publisher: AmqpPublisher, owner: Connection, topology: Topology
) -> None:
    channel = await owner.channel()
    await channel.call(channel.raw.queue_unbind, topology.jobs.name, topology.exchange, topology.routing_key)

    with pytest.raises(Unavailable):
        await publisher.publish(REQUEST)
    await publish_at_last(publisher)

    await empty(owner, topology)


class Confirming(NamedTuple):
    """A channel in confirm mode, and the publisher's callback for its confirms."""

    channel: Channel
    on_confirm: Callable[[Any], None]


@pytest.fixture
def confirming(monkeypatch: pytest.MonkeyPatch) -> list[Confirming]:
    """Every channel that asks for confirms from now on."""
    seen: list[Confirming] = []
    confirm_delivery = Channel.confirm_delivery

    def confirm_and_note(channel: Channel, on_confirm: Callable[[Any], None], **how: Any) -> None:
        seen.append(Confirming(channel, on_confirm))
        confirm_delivery(channel, on_confirm, **how)

    monkeypatch.setattr(Channel, "confirm_delivery", confirm_and_note)
    return seen


async def test_a_late_confirm_of_a_connection_that_was_given_up_confirms_nothing(
    confirming: list[Confirming],
    publisher: AmqpPublisher,
    rabbitmq: RabbitMQ,
    owner: Connection,
    topology: Topology,
) -> None:
    """The server is stopped meanwhile, so that no other confirm can come."""
    [given_up] = confirming
    given_up.channel.connection.close()
    await until(lambda: len(confirming) == 2 and publisher.is_ready, TIMEOUT_S)

    rabbitmq.process.send_signal(signal.SIGSTOP)
    publishing = asyncio.create_task(publisher.publish(REQUEST))
    try:
        await asyncio.sleep(0)  # the message is sent
        given_up.on_confirm(Method(1, Basic.Ack(delivery_tag=100, multiple=True)))
        await asyncio.sleep(0)
        is_confirmed = publishing.done()
    finally:
        rabbitmq.process.send_signal(signal.SIGCONT)
    await publishing

    assert not is_confirmed
    await empty(owner, topology)


HOLD_S = 0.6


@pytest.mark.parametrize("turns", range(1, 7))
def test_a_loop_that_was_held_up_while_its_publish_timed_out_is_ready_again(
    rabbitmq: RabbitMQ, topology: Topology, turns: int
) -> None:
    """However far the publish has come: sent, confirmed and not read, read in the turn in which it times out."""

    async def hold_up() -> None:
        publisher = publisher_to(rabbitmq.url, SPEC, topology, publish_timeout_s=HOLD_S / 2)
        running = asyncio.create_task(publisher.run())
        await until(lambda: publisher.is_ready, TIMEOUT_S)
        publishing = asyncio.create_task(publisher.publish(REQUEST))
        for _ in range(turns):
            await asyncio.sleep(0)

        time.sleep(HOLD_S)  # noqa: ASYNC251  # this is the fault

        await asyncio.gather(publishing, return_exceptions=True)
        await until(lambda: publisher.is_ready, TIMEOUT_S)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(hold_up())
