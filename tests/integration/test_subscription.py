"""The subscription to results, when the connection it came by says nothing any more."""

import asyncio
from contextlib import aclosing

import pytest

from mnist_bridge import store as store_module
from mnist_bridge.errors import StoreUnavailable
from mnist_bridge.spec import MNIST
from mnist_bridge.store import RedisStore, connect_redis
from tests.chaos.proxy import Proxy
from tests.integration.conftest import TIMEOUT_S
from tests.servers import RedisServer

SILENCE_S = 0.3


@pytest.fixture(autouse=True)
def short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "NOTIFICATION_TIMEOUT_S", SILENCE_S)


async def test_a_subscription_that_answers_no_ping_is_given_up(redis_server: RedisServer) -> None:
    with Proxy(redis_server.port) as proxy:
        url = redis_server.url.replace(str(redis_server.port), str(proxy.port))
        store = RedisStore(connect_redis(url), spec=MNIST, result_ttl_s=60)
        async with asyncio.timeout(TIMEOUT_S), aclosing(store.notifications()) as notifications:
            await anext(notifications)
            proxy.mute()

            with pytest.raises(StoreUnavailable, match="did not answer"):
                async for _ in notifications:
                    pass
        await store.close()


async def test_a_subscription_that_is_merely_quiet_is_kept(redis_server: RedisServer) -> None:
    store = RedisStore(connect_redis(redis_server.url), spec=MNIST, result_ttl_s=60)

    async with asyncio.timeout(TIMEOUT_S), aclosing(store.notifications()) as notifications:
        quiet = [await anext(notifications) for _ in range(8)]

    assert quiet == [[]] * 8
    await store.close()
