"""Redis answers and refuses writes: nobody gets a 500, workers hold their results, and nothing is lost."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from inference_bridge.errors import StoreUnavailable
from inference_bridge.redis_connections import connect_redis
from inference_bridge.redis_store import RedisStore
from mnist_model.spec import SPEC
from tests.integration.conftest import System, some_pictures
from tests.support.servers import RedisServer
from tests.support.waiting import until_in_thread, wait_for

PICTURES = some_pictures(10)
Command = tuple[str, ...]


@dataclass(frozen=True)
class Refusal:
    """A state in which Redis refuses writes.

    Attributes:
        begin: commands that lead into it.
        end: commands that lead out of it.
        says: a piece of the refusal.
        is_read: whether Redis still counts as ready.
    """

    begin: list[Command]
    end: list[Command]
    says: str
    is_read: bool


def set_option(name: str, value: str) -> Command:
    return ("CONFIG", "SET", name, value)


DEMOTE, PROMOTE = ("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")
REFUSALS = {
    "full": Refusal([set_option("maxmemory", "1")], [set_option("maxmemory", "0")], "used memory", True),
    "disk": Refusal(
        [set_option("save", "3600 1000000"), ("BGSAVE",)], [set_option("save", "")], "MISCONF Redis is configured", True
    ),
    "no-replicas": Refusal(
        [set_option("min-replicas-to-write", "1")], [set_option("min-replicas-to-write", "0")], "NOREPLICAS", True
    ),
    "replica": Refusal([DEMOTE], [PROMOTE], "read only replica", False),
    "master-down": Refusal(
        [set_option("replica-serve-stale-data", "no"), DEMOTE],
        [PROMOTE, set_option("replica-serve-stale-data", "yes")],
        "read only replica",
        False,
    ),
}


@contextmanager
def refusing(server: RedisServer, refusal: Refusal) -> Iterator[None]:
    """Make the server refuse each write."""
    # No snapshot can replace a folder.
    (server.directory / "dump.rdb" / "in the way").mkdir(parents=True, exist_ok=True)
    with redis.Redis.from_url(server.url) as client:
        try:
            for command in refusal.begin:
                client.execute_command(*command)
            wait_for(refusal.says, lambda: refusal.says in said_to_a_write(client), 20, 0.05)
            yield
        finally:
            for command in refusal.end:
                client.execute_command(*command)


def said_to_a_write(client: redis.Redis) -> str:
    try:
        return str(client.set("probe", ""))
    except redis.RedisError as error:
        return str(error)


def retries(system: System) -> float:
    return sum(worker.metric("inference_store_retries_total") for worker in system.workers)


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
async def test_refused_writes_are_repeated_until_redis_takes_them(
    system: System, redis_server: RedisServer, refusal: Refusal
) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    finished = await system.submit(PICTURES[0])
    before = await system.result(finished)
    with refusing(redis_server, refusal):
        repeated = retries(system)
        accepted = await system.submit_all(PICTURES)
        await until_in_thread(lambda: retries(system) > repeated)
        keyed = await system.client.post("/classify", files={"file": PICTURES[0]}, headers=key)
        readings = [await system.client.get(f"/result/{one}?wait=1") for one in (finished, accepted[0])]
        await system.until_ready(refusal.is_read)

    assert (keyed.status_code, keyed.json()["code"]) == (503, "store_unavailable")
    assert refusal.says in keyed.text
    assert int(keyed.headers["retry-after"]) >= 1
    assert {reading.status_code for reading in readings} <= ({200} if refusal.is_read else {200, 503})
    assert {result["status"] for result in await system.results(accepted)} == {"succeeded"}
    assert await system.result(finished) == before
    repetition = await system.client.post("/classify", files={"file": PICTURES[0]}, headers=key)
    assert repetition.status_code == 202


async def test_a_redis_that_loads_its_file_is_not_ready(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, {"key-load-delay": "200"}).start()
    store = RedisStore(connect_redis(server.url), spec=SPEC, result_ttl_s=60)
    try:
        with redis.Redis.from_url(server.url) as client:
            pipeline = client.pipeline()
            for number in range(40_000):  # each takes 0.2 ms to load
                pipeline.set(f"key {number}", "")
            pipeline.execute()
        server.stop()
        server.start()

        with pytest.raises(StoreUnavailable, match="loading"):
            await store.ping()
    finally:
        await store.close()
        server.close()
