"""The first side to come declares the queues; where it may not or cannot, it says so."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from pika.exceptions import ChannelClosed

from inference_bridge.errors import BrokerUnavailable, ConfigurationError
from inference_bridge.jobs import Job
from inference_bridge.rabbitmq.connection import Connection
from inference_bridge.rabbitmq.declare import ensure_topology
from inference_bridge.rabbitmq.parameters import connection_parameters
from inference_bridge.rabbitmq.topology import Topology, topology_for
from inference_bridge.spec import ModelSpec
from tests.integration.conftest import TIMEOUT_S
from tests.integration.publishing import publisher_to
from tests.support.servers import RabbitMQ
from tests.support.specs import small_spec
from tests.support.waiting import until, until_found


@pytest.fixture
def spec() -> ModelSpec:
    return small_spec()


@pytest.fixture
def topology(spec: ModelSpec) -> Topology:
    return topology_for(spec, queue_max_length=10)


@pytest.fixture
async def owner(rabbitmq: RabbitMQ) -> AsyncIterator[Connection]:
    """A connection with every right."""
    async with Connection(connection_parameters(rabbitmq.url, name="owner")) as connection:
        yield connection


@pytest.fixture(scope="module")
def publisher_url(rabbitmq: RabbitMQ) -> Iterator[str]:
    """A user who may publish jobs and nothing else."""
    rabbitmq.control("add_user", "publisher", "secret")
    rabbitmq.control("set_permissions", "publisher", "^$", r"^inference$|\.jobs$", "^$")
    yield rabbitmq.url.replace("guest:guest", "publisher:secret")
    rabbitmq.control("delete_user", "publisher")


async def test_the_first_to_come_creates_the_topology_and_says_so(owner: Connection, topology: Topology) -> None:
    assert [await ensure_topology(owner, topology), await ensure_topology(owner, topology)] == [True, False]


async def test_a_queue_with_other_arguments_is_named_with_the_remedy(
    owner: Connection, spec: ModelSpec, topology: Topology
) -> None:
    await ensure_topology(owner, topology)

    with pytest.raises(ConfigurationError, match="INFERENCE_QUEUE_MAX_LENGTH"):
        await ensure_topology(owner, topology_for(spec, queue_max_length=11))


async def test_a_user_who_may_not_declare_publishes_to_queues_that_exist(
    owner: Connection, spec: ModelSpec, topology: Topology, publisher_url: str
) -> None:
    await ensure_topology(owner, topology)
    restricted = publisher_to(publisher_url, spec, topology)
    running = asyncio.create_task(restricted.run())
    await until(lambda: restricted.is_ready, TIMEOUT_S)

    await restricted.publish(Job("A" * 24, bytes(4), 1, 2))

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_user_who_may_not_declare_is_told_that_queues_are_missing(
    topology: Topology, publisher_url: str
) -> None:
    async with Connection(connection_parameters(publisher_url, name="restricted")) as restricted:
        with pytest.raises(ConfigurationError, match="may not be created"):
            await ensure_topology(restricted, topology)


async def test_who_may_publish_jobs_may_not_publish_dead_letters(
    owner: Connection, topology: Topology, publisher_url: str
) -> None:
    await ensure_topology(owner, topology)

    async with Connection(connection_parameters(publisher_url, name="restricted")) as restricted:
        channel = await restricted.channel()
        channel.raw.basic_publish(topology.dead_letter_exchange, topology.dead.routing_key, b"")
        error = await asyncio.wait_for(channel.lost, TIMEOUT_S)

    assert isinstance(error, ChannelClosed)
    assert error.reply_code == 403


async def test_no_job_is_taken_until_a_new_queue_has_settled(
    rabbitmq: RabbitMQ, spec: ModelSpec, topology: Topology
) -> None:
    settling = publisher_to(rabbitmq.url, spec, topology, settle_s=60)
    running = asyncio.create_task(settling.run())

    async with Connection(connection_parameters(rabbitmq.url, name="owner")) as owner:
        await until_found(lambda: exists(owner, topology.jobs.name), TIMEOUT_S)

    assert not settling.is_ready
    with pytest.raises(BrokerUnavailable):
        await settling.publish(Job("A" * 24, bytes(4), 1, 2))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("queue", ["dead", "retry", "jobs"])
async def test_a_deleted_queue_is_declared_again_though_nobody_uses_it(
    rabbitmq: RabbitMQ, owner: Connection, spec: ModelSpec, topology: Topology, queue: str
) -> None:
    watching = publisher_to(rabbitmq.url, spec, topology)
    running = asyncio.create_task(watching.run())
    await until(lambda: watching.is_ready, TIMEOUT_S)
    name = getattr(topology, queue).name

    channel = await owner.channel()
    await channel.call(channel.raw.queue_delete, name)

    await until_found(lambda: exists(owner, name), TIMEOUT_S)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_message_that_no_queue_takes_is_no_accepted_job(
    rabbitmq: RabbitMQ, owner: Connection, spec: ModelSpec, topology: Topology
) -> None:
    unroutable = publisher_to(rabbitmq.url, spec, topology)
    running = asyncio.create_task(unroutable.run())
    await until(lambda: unroutable.is_ready, TIMEOUT_S)
    channel = await owner.channel()
    await channel.call(channel.raw.queue_unbind, topology.jobs.name, topology.exchange, topology.routing_key)

    with pytest.raises(BrokerUnavailable, match="no queue bound"):
        await unroutable.publish(Job("A" * 24, bytes(4), 1, 2))

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def exists(owner: Connection, queue: str) -> bool:
    channel = await owner.channel()
    try:
        await channel.call(channel.raw.queue_declare, queue, passive=True)
    except ChannelClosed:
        return False
    await channel.close()
    return True
