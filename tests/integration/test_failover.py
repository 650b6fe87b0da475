"""A Redis is demoted in place and goes on answering, while its address stands for another server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
import redis

from inference_bridge import redis_store as store_module
from inference_bridge.errors import StoreUnavailable
from inference_bridge.redis_connections import connect_redis
from inference_bridge.redis_store import RedisStore
from inference_bridge.results import Result, classified
from mnist_model.spec import SPEC
from tests.integration.conftest import TIMEOUT_S
from tests.support.proxy import Proxy
from tests.support.servers import RedisServer

IDS = [letter * 24 for letter in "AB"]
#: What makes a server refuse what a master would do.
DEMOTE = ("REPLICAOF", "127.0.0.1", "1")
KEEP_SILENT = ("CONFIG", "SET", "replica-serve-stale-data", "no")
ASK_FOR_REPLICAS = ("CONFIG", "SET", "min-replicas-to-write", "1")


class Pair:
    """Two servers, and an address that stands for the first until `fail_over`."""

    def __init__(self, directory: Path) -> None:
        self.first = RedisServer(directory / "first").start()
        self.second = RedisServer(directory / "second").start()
        self.proxy = Proxy(self.first.port)
        self.proxy.__enter__()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.proxy.port}/0"

    def fail_over(self, *commands: tuple[str, ...]) -> None:
        with redis.Redis.from_url(self.first.url) as administrator:
            for command in commands:
                administrator.execute_command(*command)
        self.proxy.target_port = self.second.port

    def close(self) -> None:
        self.proxy.__exit__(None, None, None)
        self.first.close()
        self.second.close()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(tmp_path)
    yield pair
    pair.close()


@pytest.fixture
async def store(pair: Pair) -> AsyncIterator[RedisStore]:
    """A store with several connections to the first server."""
    store = RedisStore(connect_redis(pair.url), spec=SPEC, result_ttl_s=60)
    await asyncio.gather(*(store.get(IDS) for _ in range(8)))
    yield store
    await store.close()


@pytest.fixture
async def other(pair: Pair) -> AsyncIterator[RedisStore]:
    """A worker that is at the second server already."""
    store = RedisStore(connect_redis(pair.second.url), spec=SPEC, result_ttl_s=60)
    yield store
    await store.close()


def result(inference_id: str) -> Result:
    return classified(inference_id, [1.0] + [0.0] * 9, SPEC)


@pytest.mark.parametrize(
    "commands",
    [
        pytest.param([DEMOTE], id="read-only"),
        pytest.param([DEMOTE, KEEP_SILENT], id="master-down"),
        pytest.param([ASK_FOR_REPLICAS], id="no-replicas"),
    ],
)
async def test_a_write_that_a_demoted_server_refuses_is_its_last(
    pair: Pair, store: RedisStore, other: RedisStore, commands: list[tuple[str, ...]]
) -> None:
    pair.fail_over(*commands)

    with pytest.raises(StoreUnavailable):
        await store.put([result(IDS[0])])
    stored = await asyncio.gather(*(store.put([result(inference_id)]) for inference_id in IDS * 4))

    assert sum(stored) == len(IDS)
    assert await other.get(IDS) == [result(inference_id).body for inference_id in IDS]


async def test_a_claim_leaves_a_demoted_server_too(pair: Pair, store: RedisStore) -> None:
    pair.fail_over(DEMOTE)
    with pytest.raises(StoreUnavailable):
        await store.claim("key", b"value", ttl_s=60)

    assert await store.claim("key", b"value", ttl_s=60) is None


async def test_a_write_that_the_new_master_never_got_reads_as_not_made(pair: Pair, store: RedisStore) -> None:
    """Redis answers before it copies: the id is pending again, and the name of a claim is free."""
    await store.put([result(IDS[0])])
    await store.claim("key", b"value", ttl_s=60)
    pair.fail_over(DEMOTE)
    with pytest.raises(StoreUnavailable, match="refused a call"):
        await store.put([result(IDS[1])])

    assert await store.get([IDS[0]]) == [None]
    assert await store.claim("key", b"another", ttl_s=60) is None


async def test_who_only_reads_leaves_a_demoted_server_at_the_next_probe(
    pair: Pair, store: RedisStore, other: RedisStore
) -> None:
    await other.put([result(IDS[0])])
    pair.fail_over(DEMOTE)
    assert await store.get([IDS[0]]) == [None]

    with pytest.raises(StoreUnavailable, match="replica"):
        await store.ping()

    assert await store.get([IDS[0]]) == [result(IDS[0]).body]
    await store.ping()


async def test_a_subscription_leaves_a_demoted_server(
    pair: Pair, store: RedisStore, other: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "NOTIFICATION_TIMEOUT_S", 0.2)
    async with asyncio.timeout(TIMEOUT_S):
        async with aclosing(store.notifications()) as notifications:
            await anext(notifications)
            pair.fail_over(DEMOTE)
            with pytest.raises(StoreUnavailable, match="replica"):
                async for _ in notifications:
                    pass
        async with aclosing(store.notifications()) as notifications:
            await anext(notifications)
            await other.put([result(IDS[0])])

            assert [IDS[0]] in [await anext(notifications) for _ in range(2)]


async def test_a_subscription_is_not_made_at_a_replica(pair: Pair, store: RedisStore) -> None:
    with redis.Redis.from_url(pair.first.url) as administrator:
        administrator.execute_command(*DEMOTE)

    with pytest.raises(StoreUnavailable, match="replica"):
        await anext(store.notifications())
