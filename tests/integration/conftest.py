"""The system with real processes: RabbitMQ, Redis, an API and two workers with the real model."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import httpx
import pytest

from inference_bridge.redis_connections import connect_redis
from inference_bridge.redis_store import RedisStore
from mnist_model.spec import SPEC
from tests.integration.broker_client import BrokerClient, broker_client
from tests.support.deployment import Deployment, Service
from tests.support.parallel import in_parallel
from tests.support.pictures import variations
from tests.support.servers import RabbitMQ, RedisServer
from tests.support.waiting import until_in_thread

TIMEOUT_S = 60.0
MAX_CONCURRENT = 32


@dataclass
class System:
    """A running system and a client of its API."""

    api: Service
    workers: list[Service]
    client: httpx.AsyncClient

    async def submit(self, picture: bytes) -> str:
        """Submit a picture; return its id."""
        response = await self.client.post("/classify", files={"file": picture})
        assert response.status_code == 202, response.text
        return str(response.json()["inference_id"])

    async def submit_all(self, pictures: list[bytes]) -> list[str]:
        """Submit pictures, some at a time; return their ids in order."""
        return await in_parallel(self.submit, pictures, max_concurrent=MAX_CONCURRENT)

    async def result(self, inference_id: str) -> dict[str, Any]:
        """Wait for a result, through whatever outage."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                response = await self.client.get(f"/result/{inference_id}?wait=5")
                assert response.status_code in {200, 503}, response.text
                body: dict[str, Any] = response.json()
                if response.status_code == 200 and body["status"] != "pending":
                    return body
                await asyncio.sleep(0.05)

    async def results(self, ids: list[str]) -> list[dict[str, Any]]:
        """Wait for all results, in order."""
        return await in_parallel(self.result, ids, max_concurrent=MAX_CONCURRENT)

    async def until_ready(self, is_ready: bool = True) -> None:
        """Wait until the API says that it is ready, or that it is not."""
        await until_in_thread(lambda: self.api.is_ready() is is_ready)

    async def refused(self, picture: bytes) -> httpx.Response:
        """Return the first answer to a submission but 202."""
        async with asyncio.timeout(TIMEOUT_S):
            while (response := await self.client.post("/classify", files={"file": picture})).status_code == 202:
                await asyncio.sleep(0.05)
        return response


def some_pictures(count: int) -> list[bytes]:
    """Return `count` different pictures."""
    return list(islice(variations(), count))


@pytest.fixture(scope="module")
def services(
    rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Service, list[Service]]]:
    directory = tmp_path_factory.mktemp("services")
    environment = {"INFERENCE_PUBLISH_TIMEOUT_S": "1", "INFERENCE_JOB_TTL_S": "300"}
    with Deployment(directory, amqp_url=rabbitmq.url, redis_url=redis_server.url, **environment) as deployment:
        api = deployment.api()
        workers = [deployment.worker(), deployment.worker()]
        for service in (api, *workers):
            service.wait_until_ready()
        yield api, workers


@pytest.fixture
async def system(services: tuple[Service, list[Service]]) -> AsyncIterator[System]:
    api, workers = services
    async with httpx.AsyncClient(base_url=api.url, timeout=30) as client:
        yield System(api, workers, client)


@pytest.fixture
async def broker(rabbitmq: RabbitMQ) -> AsyncIterator[BrokerClient]:
    async with broker_client(rabbitmq) as client:
        yield client


@pytest.fixture
async def store(redis_server: RedisServer) -> AsyncIterator[RedisStore]:
    store = RedisStore(connect_redis(redis_server.url), spec=SPEC, result_ttl_s=3_600)
    yield store
    await store.close()
