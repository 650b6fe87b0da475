"""The subscription to results, when the connection it came by says nothing any more."""

import asyncio
import time
from contextlib import aclosing

import pytest
import redis
from uvloop import new_event_loop

from inference_bridge import redis_store as store_module
from inference_bridge.errors import StoreUnavailable
from inference_bridge.redis_connections import connect_redis
from inference_bridge.redis_store import RedisStore
from mnist_model.spec import SPEC
from tests.integration.conftest import TIMEOUT_S
from tests.support.proxy import Proxy
from tests.support.servers import RedisServer

SILENCE_S = 0.3
#: More than Python lets functions call each other.
NOTIFICATIONS = 3_000


@pytest.fixture(autouse=True)
def short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "NOTIFICATION_TIMEOUT_S", SILENCE_S)


async def test_a_subscription_that_answers_no_ping_is_given_up(redis_server: RedisServer) -> None:
    with Proxy(redis_server.port) as proxy:
        url = redis_server.url.replace(str(redis_server.port), str(proxy.port))
        store = RedisStore(connect_redis(url), spec=SPEC, result_ttl_s=60)
        async with asyncio.timeout(TIMEOUT_S), aclosing(store.notifications()) as notifications:
            await anext(notifications)
            proxy.mute()

            with pytest.raises(StoreUnavailable, match="did not answer"):
                async for _ in notifications:
                    pass
        await store.close()


async def test_a_subscription_that_is_merely_quiet_is_kept(redis_server: RedisServer) -> None:
    store = RedisStore(connect_redis(redis_server.url), spec=SPEC, result_ttl_s=60)

    async with asyncio.timeout(TIMEOUT_S), aclosing(store.notifications()) as notifications:
        quiet = [await anext(notifications) for _ in range(8)]

    assert quiet == [[]] * 8
    await store.close()


def test_a_subscription_outlives_thousands_of_notifications_that_came_while_the_process_was_frozen(
    redis_server: RedisServer,
) -> None:
    """uvloop runs its timers before it reads: the silence seems over though there is much to read."""

    async def freeze() -> list[list[str]]:
        store = RedisStore(connect_redis(redis_server.url), spec=SPEC, result_ttl_s=60)
        async with asyncio.timeout(TIMEOUT_S), aclosing(store.notifications()) as notifications:
            seen = [await anext(notifications)]
            waiting = asyncio.ensure_future(anext(notifications))
            await asyncio.sleep(SILENCE_S / 2)
            publish_while_frozen(redis_server)
            seen.append(await waiting)
        await store.close()
        return seen

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert runner.run(freeze()) == [[], []], "it looks again, as it may have missed some"


def publish_while_frozen(server: RedisServer) -> None:
    """Announce many results, and let no loop turn until the silence is over."""
    with redis.Redis.from_url(server.url) as client, client.pipeline(transaction=False) as pipeline:
        for _ in range(NOTIFICATIONS):
            pipeline.publish(f"results:{SPEC.name}", "A" * 24)
        pipeline.execute()
    time.sleep(2 * SILENCE_S)
