"""A client of RabbitMQ that may do anything: publish what no API would, look into the queues, empty them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from pika import BasicProperties

from inference_bridge.jobs import Job, to_properties
from inference_bridge.rabbitmq.connection import Channel, Connection
from inference_bridge.rabbitmq.dead_letters import DeadLetter, DeadLetters
from inference_bridge.rabbitmq.declare import ensure_topology
from inference_bridge.rabbitmq.parameters import connection_parameters
from inference_bridge.rabbitmq.topology import topology_for
from mnist_model.spec import SPEC
from tests.support.servers import RabbitMQ
from tests.support.waiting import until_found

TIMEOUT_S = 60.0
TOPOLOGY = topology_for(SPEC, queue_max_length=100_000)


class BrokerClient:
    """The queues of the real model, in the hands of a test, beside the API and the workers."""

    def __init__(self, rabbitmq: RabbitMQ, connection: Connection, channel: Channel) -> None:
        self._rabbitmq = rabbitmq
        self._channel = channel
        self._letters = DeadLetters(connection, spec=SPEC, topology=TOPOLOGY)

    def publish(self, properties: BasicProperties, body: bytes) -> None:
        """Publish any message where jobs are published."""
        self._channel.raw.basic_publish(TOPOLOGY.exchange, TOPOLOGY.routing_key, body, properties)

    def publish_dead(self, properties: BasicProperties, body: bytes) -> None:
        """Put any message among the dead letters."""
        self._channel.raw.basic_publish(TOPOLOGY.dead_letter_exchange, TOPOLOGY.dead.routing_key, body, properties)

    def publish_job(self, job: Job) -> None:
        """Publish a job as the API does, without waiting for the confirm."""
        self.publish(to_properties(job, SPEC), job.body)

    async def purge(self) -> None:
        """Empty every queue."""
        for queue in TOPOLOGY.queues:
            await self._channel.call(self._channel.raw.queue_purge, queue.name)

    @asynccontextmanager
    async def no_way_to_jobs(self) -> AsyncIterator[None]:
        """Let no message reach the jobs queue for a while."""
        raw, binding = self._channel.raw, (TOPOLOGY.jobs.name, TOPOLOGY.exchange, TOPOLOGY.routing_key)
        await self._channel.call(raw.queue_unbind, *binding)
        yield
        await self._channel.call(raw.queue_bind, *binding)

    async def dead(self) -> list[DeadLetter]:
        """Return the dead letters."""
        async with self._letters.browse() as browser:
            return [letter async for letter in browser.letters()]

    async def until_messages(self, expected: Mapping[str, int]) -> None:
        """Wait until each queue holds a number of messages; a message that a worker has counts too."""

        # `rabbitmqctl` counts all, but is a large program: it is asked once the waiting messages are as expected.
        async def are_there() -> bool:
            return await self._ready() == expected and await asyncio.to_thread(self._messages) == expected

        await until_found(are_there, TIMEOUT_S, every_s=0.1)

    async def _ready(self) -> dict[str, int]:
        declare = self._channel.raw.queue_declare
        answers = [await self._channel.call(declare, queue.name, passive=True) for queue in TOPOLOGY.queues]
        return {answer.method.queue: answer.method.message_count for answer in answers}

    def _messages(self) -> dict[str, int]:
        lines = self._rabbitmq.control("list_queues", "name", "messages", "--no-table-headers").splitlines()
        counts = dict(line.split() for line in lines if line)
        return {queue.name: int(counts[queue.name]) for queue in TOPOLOGY.queues}


@asynccontextmanager
async def broker_client(rabbitmq: RabbitMQ) -> AsyncIterator[BrokerClient]:
    """Connect, make sure that the queues are there and empty, and leave them so."""
    async with Connection(connection_parameters(rabbitmq.url, name="test")) as connection:
        await ensure_topology(connection, TOPOLOGY)
        client = BrokerClient(rabbitmq, connection, await connection.channel())
        await client.purge()
        yield client
        await client.purge()
