"""Redis does what it is asked to, and its answer is lost on the way: the call is repeated, and nothing counts twice."""

import uuid
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from inference_bridge.errors import StoreUnavailable
from inference_bridge.redis_connections import connect_redis
from inference_bridge.redis_store import RedisStore
from inference_bridge.results import failed
from inference_worker.process import connect_to
from inference_worker.settings import WorkerSettings
from mnist_model.spec import SPEC
from tests.support.models import EchoModel
from tests.support.proxy import Proxy
from tests.support.servers import RedisServer


@pytest.fixture
def proxy(redis_server: RedisServer) -> Iterator[Proxy]:
    with Proxy(redis_server.port) as proxy:
        yield proxy


@pytest.fixture
def inference_id() -> str:
    return uuid.uuid4().hex[:24]


def url_of(proxy: Proxy) -> str:
    return f"redis://127.0.0.1:{proxy.port}/0"


async def test_an_attempt_whose_answer_is_lost_counts_once(proxy: Proxy, inference_id: str) -> None:
    store = RedisStore(connect_redis(url_of(proxy)), spec=SPEC, result_ttl_s=60)
    await store.ping()

    proxy.lose_answers()
    count = await store.count_attempt(inference_id, "token")
    await store.close()

    assert count == 1


async def test_a_worker_is_told_that_the_answer_to_its_results_is_lost(proxy: Proxy, inference_id: str) -> None:
    _, store = connect_to(WorkerSettings(redis_url=SecretStr(url_of(proxy))), EchoModel())
    await store.put([failed(uuid.uuid4().hex[:24], "code", "why")])  # from then on Redis knows the script

    proxy.lose_answers()
    with pytest.raises(StoreUnavailable):
        await store.put([failed(inference_id, "code", "why")])
    created = await store.put([failed(inference_id, "code", "why")])
    await store.close()

    assert created == 0
