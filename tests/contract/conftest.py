"""A broker and a store, once as stand-ins and once as RabbitMQ and Redis: the same tests run on both."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from inference_bridge.contract import Consumer, DepthReader, Publisher, Store
from inference_bridge.inbox import Delivery, Inbox
from inference_bridge.memory.broker import MemoryBroker
from inference_bridge.memory.store import MemoryStore
from inference_bridge.rabbitmq.connection import Connection
from inference_bridge.rabbitmq.consumer import AmqpConsumer
from inference_bridge.rabbitmq.depth_reader import AmqpDepthReader
from inference_bridge.rabbitmq.parameters import connection_parameters
from inference_bridge.rabbitmq.publisher import AmqpPublisher
from inference_bridge.rabbitmq.throughput import Throughput
from inference_bridge.rabbitmq.topology import Topology, topology_for
from inference_bridge.redis_connections import connect_redis
from inference_bridge.redis_store import RedisStore
from inference_bridge.spec import ModelSpec
from tests.support.sizes import FixedSize
from tests.support.specs import small_spec
from tests.support.waiting import until, until_found

TIMEOUT_S = 20.0
QUEUE_MAX_LENGTH = 5


class MemoryWorld:
    """Stand-ins for both servers."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self._broker = MemoryBroker(spec, queue_max_length=QUEUE_MAX_LENGTH)

    def publisher(self) -> Publisher:
        return self._broker.publisher()

    def depth_reader(self) -> DepthReader:
        return self._broker.depth_reader()

    def consumer(self, *, prefetch: int) -> Consumer:
        return self._broker.consumer(prefetch=prefetch)

    def store(self, *, result_ttl_s: int = 60) -> Store:
        return MemoryStore(result_ttl_s=result_ttl_s, model=self.spec.name)

    async def count(self, queue: str) -> int:
        return len(getattr(self._broker, queue))


class RealWorld:
    """RabbitMQ and Redis; a model name of its own keeps one test's queues from another's."""

    def __init__(self, spec: ModelSpec, amqp_url: str, redis_url: str) -> None:
        self.spec = spec
        self._amqp_url, self._redis_url = amqp_url, redis_url
        self._topology: Topology = topology_for(spec, queue_max_length=QUEUE_MAX_LENGTH)

    def publisher(self) -> Publisher:
        return AmqpPublisher(
            self._amqp_url,
            spec=self.spec,
            topology=self._topology,
            publish_timeout_s=5,
            max_unconfirmed=64,
            settle_s=0,
            throughput=Throughput(),
        )

    def depth_reader(self) -> DepthReader:
        return AmqpDepthReader(self._amqp_url, spec=self.spec, topology=self._topology)

    def consumer(self, *, prefetch: int) -> Consumer:
        return AmqpConsumer(self._amqp_url, spec=self.spec, topology=self._topology, prefetch=prefetch)

    def store(self, *, result_ttl_s: int = 60) -> Store:
        return RedisStore(connect_redis(self._redis_url), spec=self.spec, result_ttl_s=result_ttl_s)

    async def count(self, queue: str) -> int:
        async with Connection(connection_parameters(self._amqp_url, name="count")) as connection:
            channel = await connection.channel()
            name = getattr(self._topology, queue).name
            answer = await channel.call(channel.raw.queue_declare, name, passive=True)
            return int(answer.method.message_count)


World = MemoryWorld | RealWorld


@pytest.fixture(params=["stand-in", pytest.param("real", marks=pytest.mark.servers)])
def world(request: pytest.FixtureRequest) -> World:
    spec = small_spec()
    if request.param == "stand-in":
        return MemoryWorld(spec)
    return RealWorld(spec, request.getfixturevalue("rabbitmq").url, request.getfixturevalue("redis_server").url)


@dataclass
class Running:
    """Publishers and consumers that run in the background, ended with the test."""

    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.tasks.append(asyncio.create_task(work))
        return self.tasks[-1]

    async def stop(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    running = Running()
    yield running
    for task in running.tasks:
        await running.stop(task)


@pytest.fixture
async def publisher(world: World, running: Running) -> Publisher:
    publisher = world.publisher()
    running.start(publisher.run())
    await until(lambda: publisher.is_ready)
    return publisher


@pytest.fixture
async def store(world: World) -> AsyncIterator[Store]:
    store = world.store()
    yield store
    await store.close()


async def until_count(world: World, queue: str, count: int) -> None:
    """Wait until a queue holds `count` messages that nobody has."""

    async def holds_them() -> bool:
        return await world.count(queue) == count

    await until_found(holds_them)


async def take(inbox: Inbox, max_batch_size: int = 100) -> list[Delivery]:
    """Take what is in the inbox, waiting for the first delivery."""
    async with asyncio.timeout(TIMEOUT_S):
        return await inbox.take(FixedSize(max_batch_size), is_device_free=lambda: True)
