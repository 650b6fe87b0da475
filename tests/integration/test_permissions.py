"""Each side with a user of its own in RabbitMQ: the lines of `docs/security.md` are enough, and no more than enough."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pika.channel import Channel
from pika.exceptions import ChannelClosed

from inference_bridge.depths import Depths
from inference_bridge.rabbitmq.connection import Connection
from inference_bridge.rabbitmq.declare import ensure_topology
from inference_bridge.rabbitmq.depth_reader import AmqpDepthReader
from inference_bridge.rabbitmq.parameters import connection_parameters
from inference_bridge.rabbitmq.settling import wait_until_settled
from inference_bridge.rabbitmq.topology import topology_for
from mnist_model.spec import SPEC
from tests.integration.conftest import TIMEOUT_S, some_pictures
from tests.support.deployment import Deployment
from tests.support.depths import until_depths
from tests.support.documented import PASSWORD, add_documented_users, documented, redis_url
from tests.support.servers import COUNT_EVERY_MS, RabbitMQ, RedisServer, free_port
from tests.support.waiting import wait_for

JOBS, RETRY, DEAD = "mnist.jobs", "mnist.retry", "mnist.dead"
TOPOLOGY = topology_for(SPEC, queue_max_length=100_000)


class Servers:
    """A RabbitMQ with the management plugin and a Redis, both with the users of the documentation."""

    def __init__(self, directory: Path) -> None:
        self.management_port = free_port()
        config = (
            "management.tcp.ip = 127.0.0.1",
            f"management.tcp.port = {self.management_port}",
            f"collect_statistics_interval = {COUNT_EVERY_MS}",
        )
        lines = "\n".join((*config, ""))
        self.rabbitmq = RabbitMQ(directory / "rabbitmq", config=lines, plugins=["rabbitmq_management"])
        self.redis = RedisServer(directory / "redis")

    def start(self) -> None:
        self.redis.start()
        self.rabbitmq.start().process.wait_for_port(self.management_port)
        for line in documented("rabbitmqctl"):
            self.rabbitmq.control(*line)
        add_documented_users(self.redis)

    def amqp_url(self, user: str) -> str:
        return self.rabbitmq.url.replace("guest:guest", f"{user}:{PASSWORD}")

    def management(self, user: str) -> httpx.Client:
        url = f"http://127.0.0.1:{self.management_port}/api"
        return httpx.Client(base_url=url, auth=(user, PASSWORD), timeout=10)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    started = Servers(tmp_path_factory.mktemp("permissions"))
    try:
        started.start()
        asyncio.run(declare(started.rabbitmq.url))
        yield started
    finally:
        started.rabbitmq.close()
        started.redis.close()


async def declare(url: str) -> None:
    async with Connection(connection_parameters(url, name="owner")) as owner:
        await ensure_topology(owner, TOPOLOGY)


@pytest.fixture
async def connection(servers: Servers, user: str) -> AsyncIterator[Connection]:
    async with Connection(connection_parameters(servers.amqp_url(user), name=user)) as opened:
        yield opened


def ignore(*_: Any) -> None:
    """Take an answer that will not come."""


def publish(channel: Channel, exchange: str, routing_key: str) -> None:
    channel.basic_publish(exchange, routing_key, b"")


def consume(channel: Channel, queue: str) -> None:
    channel.basic_consume(queue, ignore)


def get(channel: Channel, queue: str) -> None:
    channel.basic_get(queue, ignore)


def purge(channel: Channel, queue: str) -> None:
    channel.queue_purge(queue)


def delete(channel: Channel, queue: str) -> None:
    channel.queue_delete(queue)


def bind(channel: Channel, queue: str, exchange: str) -> None:
    channel.queue_bind(queue, exchange, "stolen")


def declare_queue(channel: Channel, queue: str) -> None:
    channel.queue_declare(queue)


def declare_exclusive_queue(channel: Channel) -> None:
    channel.queue_declare("", exclusive=True)


def declare_jobs_queue(channel: Channel) -> None:
    channel.queue_declare(JOBS, durable=True, arguments=TOPOLOGY.jobs.arguments)


def declare_exchange(channel: Channel, exchange: str) -> None:
    channel.exchange_declare(exchange, durable=True)


#: For each user what the broker refuses: a function from above, and its arguments.
REFUSED: dict[str, dict[str, tuple[Any, ...]]] = {
    "api": {
        "consume": (consume, JOBS),
        "get": (get, JOBS),
        "purge": (purge, JOBS),
        "delete": (delete, JOBS),
        "bind": (bind, JOBS, "inference"),
        "declare-an-own-queue": (declare_queue, "own"),
        "declare-the-jobs-queue": (declare_jobs_queue,),
        "declare-an-exchange": (declare_exchange, "inference"),
        "bind-dead": (bind, DEAD, "mnist.jobs.settled"),
        "publish-a-suspect": (publish, "inference.dlx", RETRY),
        "publish-a-dead-letter": (publish, "inference.dlx", DEAD),
        "publish-to-the-default-exchange": (publish, "", JOBS),
    },
    "worker-mnist": {
        "publish-a-job": (publish, "inference", "mnist"),
        "publish-a-dead-letter": (publish, "inference.dlx", DEAD),
        "publish-to-the-default-exchange": (publish, "", JOBS),
        "declare-an-own-queue": (declare_queue, "own"),
        "declare-an-own-exclusive-queue": (declare_exclusive_queue,),
        "declare-an-exchange": (declare_exchange, "own"),
        "delete": (delete, JOBS),
        "bind": (bind, JOBS, "inference"),
        "consume-dead-letters": (consume, DEAD),
        "get-dead-letters": (get, DEAD),
        "purge-dead-letters": (purge, DEAD),
    },
    "autoscaler": {
        "publish-a-job": (publish, "inference", "mnist"),
        "publish-to-the-default-exchange": (publish, "", JOBS),
        "consume": (consume, JOBS),
        "get": (get, JOBS),
        "purge": (purge, JOBS),
        "declare-an-own-queue": (declare_queue, "own"),
        "declare-an-own-exclusive-queue": (declare_exclusive_queue,),
        "delete": (delete, JOBS),
    },
}


@pytest.mark.parametrize(
    ("user", "attempt"),
    [
        pytest.param(user, attempt, id=f"{user}-{name}")
        for user, attempts in REFUSED.items()
        for name, attempt in attempts.items()
    ],
)
async def test_the_broker_refuses_what_a_side_does_not_do(connection: Connection, attempt: tuple[Any, ...]) -> None:
    channel = await connection.channel()
    act, *arguments = attempt

    act(channel.raw, *arguments)

    error = await asyncio.wait_for(channel.lost, TIMEOUT_S)
    assert isinstance(error, ChannelClosed)
    assert error.reply_code == 403


@pytest.mark.parametrize("user", ["api", "worker-mnist"])
async def test_a_side_may_look_at_the_jobs_queue_repeatedly(connection: Connection) -> None:
    channel = await connection.channel()

    for _ in range(3):
        answer = await channel.call(channel.raw.queue_declare, JOBS, passive=True)

    assert answer.method.queue == JOBS


async def test_the_api_sees_how_many_jobs_wait(servers: Servers) -> None:
    reader = AmqpDepthReader(servers.amqp_url("api"), spec=SPEC, topology=TOPOLOGY)
    reading = asyncio.create_task(reader.run())

    await until_depths(reader, Depths(jobs=0, suspects=0))

    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


@pytest.mark.parametrize("user", ["api"])
async def test_the_api_lets_the_broker_remember_that_the_jobs_queue_has_settled(connection: Connection) -> None:
    assert await wait_until_settled(connection, TOPOLOGY, settle_s=0.1)


@pytest.mark.parametrize("user", ["worker-mnist"])
async def test_the_autoscaler_reads_how_many_jobs_wait_and_run(servers: Servers, connection: Connection) -> None:
    async with Connection(connection_parameters(servers.amqp_url("api"), name="api")) as publisher:
        jobs = await publisher.channel()
        for _ in range(3):
            jobs.raw.basic_publish("inference", "mnist", b"")
        await jobs.close()
    channel = await connection.channel()
    got = asyncio.get_running_loop().create_future()
    channel.raw.basic_get(JOBS, lambda *_: got.set_result(None))
    await asyncio.wait_for(got, TIMEOUT_S)

    with servers.management("autoscaler") as autoscaler:
        await asyncio.to_thread(wait_for_depth, autoscaler, ready=2, unacknowledged=1)

    channel.raw.basic_nack(0, multiple=True, requeue=True)
    await channel.call(channel.raw.queue_purge, JOBS)


def wait_for_depth(autoscaler: httpx.Client, *, ready: int, unacknowledged: int) -> None:
    """Return when the management API, which counts a few times a second, shows a depth."""
    expected = {
        "messages_ready": ready,
        "messages_unacknowledged": unacknowledged,
        "messages": ready + unacknowledged,
    }

    def shows_it() -> bool:
        queue = autoscaler.get(f"/queues/%2F/{JOBS}").raise_for_status().json()
        return bool(expected.items() <= queue.items())

    wait_for(f"a queue with {expected}", shows_it, TIMEOUT_S, every_s=0.1)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param(
            "PUT", "/users/intruder", {"password": "x", "tags": "administrator"}, id="create-an-administrator"
        ),
        pytest.param(
            "PUT",
            "/permissions/%2F/autoscaler",
            {"configure": ".*", "write": ".*", "read": ".*"},
            id="widen-its-own-rights",
        ),
        pytest.param("PUT", "/vhosts/own", {}, id="create-a-virtual-host"),
        pytest.param("PUT", "/queues/%2F/own", {"durable": True}, id="create-a-queue"),
        pytest.param("PUT", "/exchanges/%2F/own", {"type": "direct"}, id="create-an-exchange"),
        pytest.param(
            "PUT", "/policies/%2F/own", {"pattern": ".*", "definition": {"max-length": 1}}, id="create-a-policy"
        ),
        pytest.param("DELETE", f"/queues/%2F/{JOBS}", None, id="delete-the-queue"),
        pytest.param("DELETE", f"/queues/%2F/{JOBS}/contents", None, id="purge-the-queue"),
        pytest.param(
            "POST",
            f"/queues/%2F/{JOBS}/get",
            {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"},
            id="get-messages",
        ),
        pytest.param(
            "POST",
            "/exchanges/%2F/inference/publish",
            {"routing_key": "mnist", "payload": "", "payload_encoding": "string", "properties": {}},
            id="publish",
        ),
        pytest.param("GET", "/users", None, id="list-the-users"),
    ],
)
def test_the_autoscaler_changes_nothing_over_the_management_api(
    servers: Servers, method: str, path: str, body: dict[str, Any] | None
) -> None:
    with servers.management("autoscaler") as autoscaler:
        response = autoscaler.request(method, path, json=body)

    assert response.status_code in {400, 401, 403}, response.text
    assert "access" in response.text.lower() or "not_authorised" in response.text, response.text


@pytest.mark.parametrize("user", ["api", "worker-mnist"])
def test_the_other_users_have_no_management(servers: Servers, user: str) -> None:
    with servers.management(user) as management:
        assert management.get(f"/queues/%2F/{JOBS}").status_code == 401


def test_the_whole_system_answers_a_picture_with_these_users(servers: Servers, tmp_path: Path) -> None:
    with Deployment(tmp_path, amqp_url="amqp://unused", redis_url="redis://unused") as deployment:
        urls = [
            {"INFERENCE_AMQP_URL": servers.amqp_url(user), "INFERENCE_REDIS_URL": redis_url(servers.redis, user)}
            for user in ("api", "worker-mnist")
        ]
        api, worker = deployment.api(**urls[0]), deployment.worker(**urls[1])
        api.wait_until_ready()
        worker.wait_until_ready()
        headers = {"Idempotency-Key": "one"}
        answer = httpx.post(
            f"{api.url}/classify?wait=20", files={"file": some_pictures(1)[0]}, headers=headers, timeout=30
        )

    assert answer.json()["status"] == "succeeded", answer.text
