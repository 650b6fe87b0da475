"""Batches and priorities with real servers: a repetition finishes a batch that was refused in its middle."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.conftest import some_pictures
from tests.support.deployment import Deployment, Service
from tests.support.servers import RabbitMQ, RedisServer, running_servers

BATCH = "/models/mnist/batch"
BROKEN = b"not a picture"
#: Less than four batches, so that some of them find the queue full.
QUEUE_MAX_LENGTH = 600
TIMEOUT_S = 120.0


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RabbitMQ, RedisServer]]:
    """Servers of their own, because a queue keeps its length."""
    with running_servers(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


@pytest.fixture
def deployment(servers: tuple[RabbitMQ, RedisServer], tmp_path: Path) -> Iterator[Deployment]:
    """No worker yet; alice may use high priority."""
    rabbitmq, redis_server = servers
    keys = tmp_path / "keys.toml"
    keys.write_text(f'[alice]\nsha256 = ["{sha256(b"alice").hexdigest()}"]\nhigh_priority = true\n')
    environment = {
        "INFERENCE_MODEL": "tests.support.models:EchoModel",
        "INFERENCE_API_KEYS_FILE": str(keys),
        "INFERENCE_QUEUE_MAX_LENGTH": str(QUEUE_MAX_LENGTH),
    }
    with Deployment(tmp_path, amqp_url=rabbitmq.url, redis_url=redis_server.url, **environment) as deployment:
        yield deployment


@pytest.fixture
def apis(deployment: Deployment) -> list[Service]:
    return [deployment.api().wait_until_ready() for _ in range(2)]


@pytest.fixture
async def clients(apis: list[Service]) -> AsyncIterator[list[httpx.AsyncClient]]:
    headers = {"Authorization": "Bearer alice"}
    async with (
        httpx.AsyncClient(base_url=apis[0].url, timeout=60, headers=headers) as one,
        httpx.AsyncClient(base_url=apis[1].url, timeout=60, headers=headers) as other,
    ):
        yield [one, other]


async def submit(client: httpx.AsyncClient, pictures: list[bytes], key: str, query: str = "") -> httpx.Response:
    files = [("file", ("picture.png", picture)) for picture in pictures]
    return await client.post(BATCH + query, files=files, headers={"Idempotency-Key": key})


async def finish(client: httpx.AsyncClient, pictures: list[bytes], key: str, query: str = "") -> dict[str, Any]:
    """Submit a batch until it is accepted; return it once every job is done."""
    async with asyncio.timeout(TIMEOUT_S):
        while (accepted := await submit(client, pictures, key, query)).status_code == 503:
            await asyncio.sleep(0.2)
        assert accepted.status_code == 202, accepted.text
        while True:
            answer = await client.get(f"{BATCH}/{accepted.json()['batch_id']}?wait=5")
            assert answer.status_code == 200, answer.text
            if "pending" not in answer.json()["counts"]:
                body: dict[str, Any] = answer.json()
                return body


async def test_batches_that_find_the_queue_full_are_finished_by_repetitions_under_the_same_ids(
    clients: list[httpx.AsyncClient], deployment: Deployment
) -> None:
    pictures = some_pictures(256)
    pictures[100] = BROKEN
    keys = [f"batch {number}" for number in range(4)]

    def each(call: Any) -> Any:
        return asyncio.gather(*(call(clients[number % 2], pictures, key) for number, key in enumerate(keys)))

    first = await each(submit)
    waiting = (await clients[0].get("/models")).json()["models"][0]["waiting"]
    deployment.worker().wait_until_ready()
    done = await each(finish)
    again = await each(finish)

    statuses = {answer.status_code for answer in first}
    assert 503 in statuses <= {202, 503}
    assert waiting >= QUEUE_MAX_LENGTH - 256  # so at least one batch was cut in the middle, or two are accepted
    assert [batch["counts"] for batch in done] == [{"succeeded": 255, "failed": 1}] * 4
    assert [batch["jobs"][100]["error"]["code"] for batch in done] == ["unsupported_image"] * 4
    assert again == done
    accepted = [answer.json()["batch_id"] for answer in first if answer.status_code == 202]
    assert set(accepted) <= {batch["batch_id"] for batch in done}


async def test_every_priority_is_answered_by_a_broker_that_knows_none(
    clients: list[httpx.AsyncClient], deployment: Deployment
) -> None:
    deployment.worker().wait_until_ready()
    pictures = some_pictures(20)

    done = await asyncio.gather(
        *(finish(clients[0], pictures, f"query {query}.", query) for query in ("?priority=low", "", "?priority=high"))
    )

    assert [batch["counts"] for batch in done] == [{"succeeded": 20}] * 3


async def test_a_canceled_batch_never_runs(clients: list[httpx.AsyncClient], deployment: Deployment) -> None:
    gone = (await submit(clients[0], some_pictures(200), "gone")).json()
    kept = (await submit(clients[1], some_pictures(20), "kept")).json()

    stopped = (await clients[1].post(f"{BATCH}/{gone['batch_id']}/cancel")).json()
    worker = deployment.worker().wait_until_ready()
    done = await finish(clients[0], some_pictures(20), "kept")

    assert stopped["counts"] == {"canceled": 200}
    assert done["batch_id"] == kept["batch_id"]
    assert worker.metric("inference_batch_size_sum") == 20


async def test_many_results_are_read_on_either_api(clients: list[httpx.AsyncClient], deployment: Deployment) -> None:
    deployment.worker().wait_until_ready()
    done = await finish(clients[0], some_pictures(256), "all")
    ids = [job["inference_id"] for job in done["jobs"]]

    answer = await clients[1].get(f"/models/mnist/results?ids={','.join([*ids[:255], 'x'])}")

    assert answer.json()["results"] == [*done["jobs"][:255], {"inference_id": "x", "status": "unknown"}]
