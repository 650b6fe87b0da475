"""A real Redis with the users that the chart gives it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis

from inference_bridge.redis_connections import connect_redis
from inference_bridge.redis_store import RedisStore
from inference_bridge.results import classified
from mnist_model.spec import SPEC
from tests.chart.helm import NEEDS_HELM
from tests.chart.redis_server import redis_with_users
from tests.support.servers import RedisServer

pytestmark = NEEDS_HELM
IDS = ["A" * 24, "B" * 24]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_with_users(tmp_path) as server:
        yield server


@pytest.fixture
async def worker(server: RedisServer) -> AsyncIterator[RedisStore]:
    url = server.url.replace("//", "//worker-mnist:worker-mnist@")
    store = RedisStore(connect_redis(url), spec=SPEC, result_ttl_s=60)
    yield store
    await store.close()


async def test_results_of_a_batch_are_there_after_a_restart(server: RedisServer, worker: RedisStore) -> None:
    results = [classified(inference_id, [1.0] + [0.0] * 9, SPEC) for inference_id in IDS]
    await worker.put(results)

    server.stop()
    server.start()

    assert await worker.get(IDS) == [result.body for result in results]


def test_nobody_is_the_default_user(server: RedisServer) -> None:
    for credentials in ({}, {"username": "default", "password": ""}):
        with redis.Redis.from_url(server.url, **credentials) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
