"""A queue that was just created is not safe yet: every process knows it, whichever of them created it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator

import pytest
from pika.exceptions import ChannelClosed

from inference_bridge.rabbitmq.connection import Connection
from inference_bridge.rabbitmq.declare import ensure_topology
from inference_bridge.rabbitmq.parameters import connection_parameters
from inference_bridge.rabbitmq.settling import check_settled, wait_until_settled
from inference_bridge.rabbitmq.topology import Topology, topology_for
from tests.integration.conftest import TIMEOUT_S
from tests.integration.publishing import publisher_to
from tests.support.servers import RabbitMQ
from tests.support.specs import small_spec
from tests.support.waiting import until

SPEC = small_spec("settling")
NEVER_S = 3_600.0
SOON_S = 0.1


@pytest.fixture
def topology() -> Topology:
    spec = small_spec()
    return topology_for(spec, queue_max_length=10)


@pytest.fixture
async def owner(rabbitmq: RabbitMQ, topology: Topology) -> AsyncIterator[Connection]:
    """A connection with every right, to a broker that has the queues."""
    async with connected(rabbitmq.url) as connection:
        await ensure_topology(connection, topology)
        yield connection


@pytest.fixture(scope="module")
def restricted_url(rabbitmq: RabbitMQ) -> Iterator[str]:
    """A user who may declare the exchange, but not bind it."""
    rabbitmq.control("add_user", "settler", "secret")
    rabbitmq.control("set_permissions", "settler", r"\.settled$", r"^inference$|\.jobs$", "^$")
    yield rabbitmq.url.replace("guest:guest", "settler:secret")
    rabbitmq.control("delete_user", "settler")


def connected(url: str) -> Connection:
    return Connection(connection_parameters(url, name="test"))


async def delete_jobs(owner: Connection, topology: Topology) -> None:
    channel = await owner.channel()
    await channel.call(channel.raw.queue_delete, topology.jobs.name)


async def until_logged(caplog: pytest.LogCaptureFixture, message: str) -> None:
    await until(lambda: message in caplog.messages, TIMEOUT_S)


async def is_known_to_be_settled(connection: Connection, topology: Topology) -> bool:
    try:
        await check_settled(await connection.channel(), topology)
    except ChannelClosed:
        return False
    return True


async def test_a_process_that_did_not_create_the_queue_waits_as_well(
    owner: Connection, topology: Topology, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    waiting = asyncio.create_task(wait_until_settled(owner, topology, settle_s=NEVER_S))

    await until_logged(caplog, "jobs queue settles")

    assert not waiting.done()
    waiting.cancel()


async def test_a_queue_that_one_process_has_watched_is_settled_for_all(
    rabbitmq: RabbitMQ, owner: Connection, topology: Topology
) -> None:
    await wait_until_settled(owner, topology, settle_s=SOON_S)

    async with connected(rabbitmq.url) as another, asyncio.timeout(TIMEOUT_S):
        assert await wait_until_settled(another, topology, settle_s=NEVER_S)


async def test_a_queue_that_was_deleted_and_created_again_is_new_to_everybody(
    owner: Connection, topology: Topology
) -> None:
    await wait_until_settled(owner, topology, settle_s=SOON_S)

    await delete_jobs(owner, topology)
    await ensure_topology(owner, topology)

    assert not await is_known_to_be_settled(owner, topology)


async def test_a_publisher_notices_that_another_process_created_the_queue_again(
    rabbitmq: RabbitMQ, owner: Connection, topology: Topology
) -> None:
    await wait_until_settled(owner, topology, settle_s=SOON_S)
    publisher = publisher_to(rabbitmq.url, SPEC, topology, settle_s=NEVER_S)
    running = asyncio.create_task(publisher.run())
    await until(lambda: publisher.is_ready, TIMEOUT_S)

    await delete_jobs(owner, topology)
    await ensure_topology(owner, topology)

    await until(lambda: not publisher.is_ready, TIMEOUT_S)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_user_who_may_not_bind_the_exchange_leaves_none_behind(
    owner: Connection, topology: Topology, restricted_url: str
) -> None:
    async with connected(restricted_url) as restricted:
        is_remembered = await wait_until_settled(restricted, topology, settle_s=SOON_S)

    assert not is_remembered
    assert not await is_known_to_be_settled(owner, topology)


async def test_a_settled_queue_is_still_settled_after_a_restart_of_the_broker(
    rabbitmq: RabbitMQ, topology: Topology
) -> None:
    async with connected(rabbitmq.url) as before:
        await ensure_topology(before, topology)
        await wait_until_settled(before, topology, settle_s=SOON_S)
    rabbitmq.stop()
    await asyncio.to_thread(rabbitmq.start)

    async with connected(rabbitmq.url) as after:
        assert await is_known_to_be_settled(after, topology)


async def test_a_queue_that_is_deleted_while_it_is_watched_is_not_remembered(
    rabbitmq: RabbitMQ, owner: Connection, topology: Topology, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    watching = asyncio.create_task(wait_until_settled(owner, topology, settle_s=NEVER_S))
    await until_logged(caplog, "jobs queue settles")
    async with connected(rabbitmq.url) as other:
        await delete_jobs(other, topology)

    with pytest.raises(ChannelClosed):
        await asyncio.wait_for(watching, TIMEOUT_S)


async def test_an_exchange_without_a_binding_tells_nothing_and_is_deleted(
    owner: Connection, topology: Topology, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    channel = await owner.channel()
    declare = channel.raw.exchange_declare
    await channel.call(declare, topology.settled_exchange, exchange_type="direct", durable=True, auto_delete=True)

    waiting = asyncio.create_task(wait_until_settled(owner, topology, settle_s=NEVER_S))
    await until_logged(caplog, "jobs queue settles")
    waiting.cancel()

    assert not await is_known_to_be_settled(owner, topology)
